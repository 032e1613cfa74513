internal import CKernels
import Compute
import Foundation
import MatrixProducts
import Recordings
import Tensors

extension AttentionKernel {
  func backward(in program: Program) {
    let (element, size) = (program.compute.element, program.compute.byteCount)
    let (query, queryStride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let source = keysAndValues(in: program)
    let (output, outputStride) = (program[step.result], step.columns(of: step.result))
    let (dOutput, scratch) = (
      program.gradient(of: step.result), program.backwardScratch(of: step).pointer
    )
    let logSums = program[step.node.outputs[1]].assumingMemoryBound(to: Float.self)
    let (heads, d, valueSize) = (shape.headsOfGroup, shape.headSize, shape.valueSize)
    guard let dQuery = program.gradientTarget(0, of: step),
      let dKey = program.gradientTarget(1, of: step),
      let dValue = program.gradientTarget(2, of: step)
    else { return }
    precondition(!dQuery.accumulates && !dKey.accumulates && !dValue.accumulates)
    deliverSinkGradient(in: program, logSums: logSums)
    ThreadTeam.forEach(batch * shape.keyValueHeadCount) { task, member in
      let (sequence, group) = task.quotientAndRemainder(dividingBy: shape.keyValueHeadCount)
      let firstRow = sequence * tokens
      let own = scratch + member * backwardMemory.byteCount
      let (queries, dOutputs) = (own + backwardMemory.query, own + backwardMemory.dOutput)
      let querySums = own.floats(at: backwardMemory.rowSums)
      let deltas = own.floats(at: backwardMemory.rowNumbers)
      let scores = own.floats(at: backwardMemory.scores)
      let dWeights = own.floats(at: backwardMemory.dWeights)
      let (weights, dScores) = (own + backwardMemory.weights, own + backwardMemory.dScores)
      let keySums = own.floats(at: backwardMemory.keySums)
      let valueSums = own.floats(at: backwardMemory.valueSums)
      keySums.update(repeating: 0, count: tokens * d)
      valueSums.update(repeating: 0, count: tokens * valueSize)
      for tile in tiles {
        let columns = group * heads * d
        let tileRow = firstRow + tile.firstQuery
        let outputOffset = (tileRow * outputStride + group * heads * valueSize) * size
        copyRows(
          tile.queries, byteCount: heads * d * size,
          from: query + (tileRow * queryStride + columns) * size, queryStride * size,
          to: queries, heads * d * size)
        copyRows(
          tile.queries, byteCount: heads * valueSize * size, from: dOutput + outputOffset,
          outputStride * size, to: dOutputs, heads * valueSize * size)
        var whole = tile.settings(shape)
        ck_softmax_deltas(
          element, &whole, dOutput + outputOffset, output + outputOffset, outputStride, deltas,
          valueSize)
        querySums.update(repeating: 0, count: tile.queries * heads * d)
        let logs = logSums + (task * tokens + tile.firstQuery) * heads
        for piece in tile.pieces {
          guard let product = products[piece.size], let gradient = product.gradients else {
            preconditionFailure("a piece without products")
          }
          let row = (piece.firstQuery - tile.firstQuery) * heads
          let keyRow = firstRow + piece.firstKey
          let (q, dy) = (queries + row * d * size, dOutputs + row * valueSize * size)
          let k = source.keys + (keyRow * source.keyStride + group * d) * size
          let v = source.values + (keyRow * source.valueStride + group * valueSize) * size
          product.scores.run(q, k, scores, lane: member)
          bend(scores, piece, group: group)
          hide(scores, piece, row: firstRow + piece.firstQuery, in: program)
          var settings = softmaxSettings(piece)
          gradient.weights.run(dy, v, dWeights, lane: member)
          ck_softmax_backward(
            element, &settings, scores, dWeights, logs + row, deltas + row, weights, dScores)
          withSettings(piece, group: group) {
            ck_bend_scores_backward(element, $0, scores, dScores)
          }
          gradient.values.run(
            weights, dy, valueSums + piece.firstKey * valueSize, lane: member)
          gradient.keys.run(dScores, q, keySums + piece.firstKey * d, lane: member)
          gradient.query.run(dScores, k, querySums + row * d, lane: member)
        }
        narrow(
          querySums, dQuery, firstRow: tileRow, rows: tile.queries, column: columns,
          columns: heads * d, program.compute)
      }
      narrow(
        keySums, dKey, firstRow: firstRow, rows: tokens, column: group * d, columns: d,
        program.compute)
      narrow(
        valueSums, dValue, firstRow: firstRow, rows: tokens, column: group * valueSize,
        columns: valueSize, program.compute)
    }
  }

  /// The gradient of each head's sink: less the sink's share of the weights times what the other weights' gradients
  /// have in common, summed over all queries. By one thread; only tests ask for it.
  private func deliverSinkGradient(in program: Program, logSums: UnsafeMutablePointer<Float>) {
    guard let parameter = step.parameters.first, step.trains(parameter) else { return }
    let sinks = UnsafePointer<Float>(program[parameter])
    let (y, dy) = (program[step.result], program.gradient(of: step.result))
    let columns = step.columns(of: step.result)
    let range = program.backwardScratch(of: step)
    let sums = range.floats
    sums.update(repeating: 0, count: shape.headCount)
    var row = AttentionPiece(firstQuery: 0, queries: 1, firstKey: 0, keys: 0).settings(shape)
    row.heads = shape.headCount
    var deltas = [Float](repeating: 0, count: shape.headCount)
    for token in 0..<batch * tokens {
      let offset = token * columns * program.compute.byteCount
      ck_softmax_deltas(
        program.compute.element, &row, dy + offset, y + offset, columns, &deltas, shape.valueSize)
      for head in 0..<shape.headCount {
        // Logarithms lie group by group: [batch, groups, tokens, heads of a group].
        let (group, place) = head.quotientAndRemainder(dividingBy: shape.headsOfGroup)
        let task = token / tokens * shape.keyValueHeadCount + group
        let log = logSums[(task * tokens + token % tokens) * shape.headsOfGroup + place]
        sums[head] -= exp(sinks[head] - log) * deltas[head]
      }
    }
    program.deliver(range, of: parameter)
  }
}
