internal import CKernels
import Tensors

/// Causal attention with grouped query heads and an optional sliding window:
/// `softmax(scale q k^T) v` for each head.
///
/// One task is one key-value head of one sequence with all its query heads. Its queries are done in tiles of
/// neighbouring tokens, whose rows for all heads lie together, so that keys and values are read once for
/// all of them; and a tile meets its keys in pieces, with a softmax that goes on from piece to piece
/// (`attention.h`). So scores stay in a core's cache whatever the length, and products with what no query of
/// a piece may see are never made. The backward pass computes the scores of a piece again from queries, keys
/// and the saved logarithm of the softmax's sum. Each task has the sums for its keys and values to itself,
/// so that results do not depend on the number of threads.
struct AttentionKernel: Kernel {
  private let step: Step
  private let shape: AttentionShape
  private let tiles: [AttentionTile]
  private let forwardMemory: AttentionScratch
  private let backwardMemory: AttentionScratch
  private let products: [AttentionProducts.Size: AttentionProducts]
  /// Those on keys and values that a sequence has kept.
  private let cacheProducts: [AttentionProducts.Size: AttentionProducts]

  private var batch: Int { step.recording.batch }
  private var tokens: Int { step.recording.tokens }

  init(_ step: Step, _ shape: AttentionShape, device: CPUDevice) throws {
    self.step = step
    self.shape = shape
    let recording = step.recording
    func prepare(
      _ tiles: [AttentionTile], keyStride: Int, valueStride: Int
    ) throws -> [AttentionProducts.Size: AttentionProducts] {
      var products: [AttentionProducts.Size: AttentionProducts] = [:]
      for piece in tiles.lazy.flatMap(\.pieces) where products[piece.size] == nil {
        products[piece.size] = try AttentionProducts(
          piece.size, shape: shape, keyStride: keyStride, valueStride: valueStride,
          device: device, training: step.training != .nothing)
      }
      return products
    }
    tiles = AttentionTile.tiles(tokens: recording.tokens, shape: shape)
    forwardMemory = Self.memory(shape, in: recording, backward: false)
    backwardMemory = Self.memory(shape, in: recording, backward: true)
    products = try prepare(
      tiles, keyStride: step.columns(of: step.inputs[1].value),
      valueStride: step.columns(of: step.inputs[2].value))
    let isCached = step.training == .nothing && recording.batch == 1
    cacheProducts = try prepare(
      isCached ? AttentionTile.tilesOnCache(tokens: recording.tokens, offset: 0, shape: shape) : [],
      keyStride: step.inputs[1].columns, valueStride: step.inputs[2].columns)
  }

  static func scratch(_ shape: AttentionShape, in recording: Recording) -> Scratch {
    Scratch(
      forward: memory(shape, in: recording, backward: false).byteCount * ThreadTeam.size,
      backward: memory(shape, in: recording, backward: true).byteCount * ThreadTeam.size)
  }

  private static func memory(
    _ shape: AttentionShape, in recording: Recording, backward: Bool
  ) -> AttentionScratch {
    AttentionScratch(
      shape, tokens: recording.tokens, elementByteCount: recording.compute.byteCount,
      backward: backward)
  }

  // MARK: Forward

  /// Keys and values `[tokens, stride]` with the first key-value head's elements at the pointers.
  private struct KeysAndValues {
    var keys: UnsafeRawPointer
    var keyStride: Int
    var values: UnsafeRawPointer
    var valueStride: Int
  }

  func forward(in program: Program) {
    let own = keysAndValues(in: program)
    guard let sequence = program.sequence, let state = step.node.state else {
      return forward(in: program, own, tiles: tiles, products: products)
    }
    precondition(batch == 1, "a state belongs to one sequence")
    precondition(
      sequence.tokenCount + tokens <= step.recording.positions,
      "more tokens than the program has positions")
    let (keys, values) = (sequence[state][0], sequence[state][1])
    let (size, count) = (step.compute.byteCount, sequence.tokenCount)
    func append(_ source: UnsafeRawPointer, stride: Int, to buffer: any DeviceBuffer, columns: Int)
    {
      precondition((count + tokens) * columns * size <= buffer.byteCount, "the cache is full")
      copyRows(
        tokens, byteCount: columns * size, from: source, stride * size,
        to: buffer.hostPointer + count * columns * size, columns * size)
    }
    let (keyColumns, valueColumns) = (step.inputs[1].columns, step.inputs[2].columns)
    append(own.keys, stride: own.keyStride, to: keys, columns: keyColumns)
    append(own.values, stride: own.valueStride, to: values, columns: valueColumns)
    forward(
      in: program,
      KeysAndValues(
        keys: keys.hostPointer, keyStride: keyColumns,
        values: values.hostPointer, valueStride: valueColumns),
      tiles: AttentionTile.tilesOnCache(tokens: tokens, offset: count, shape: shape),
      products: cacheProducts)
  }

  private func keysAndValues(in program: Program) -> KeysAndValues {
    KeysAndValues(
      keys: program[step.inputs[1]], keyStride: step.columns(of: step.inputs[1].value),
      values: program[step.inputs[2]], valueStride: step.columns(of: step.inputs[2].value))
  }

  private func forward(
    in program: Program, _ source: KeysAndValues, tiles: [AttentionTile],
    products: [AttentionProducts.Size: AttentionProducts]
  ) {
    let (element, size) = (program.compute.element, program.compute.byteCount)
    let (query, queryStride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let (output, outputStride) = (program[step.result], step.columns(of: step.result))
    let scratch = program.forwardScratch(of: step).pointer
    let logSums = program[step.node.outputs[1]].assumingMemoryBound(to: Float.self)
    let (heads, d, offset) = (shape.headsOfGroup, shape.headSize, tiles[0].firstQuery)
    ThreadTeam.forEach(batch * shape.keyValueHeadCount) { task, member in
      let (sequence, group) = task.quotientAndRemainder(dividingBy: shape.keyValueHeadCount)
      let firstRow = sequence * tokens
      let own = scratch + member * forwardMemory.byteCount
      let queries = own + forwardMemory.query
      let sums = own.floats(at: forwardMemory.rowSums)
      let totals = own.floats(at: forwardMemory.rowNumbers)
      let scores = own.floats(at: forwardMemory.scores)
      let weights = own + forwardMemory.weights
      for tile in tiles {
        let token = tile.firstQuery - offset
        let rows = tile.queries * heads
        let columns = group * heads * d
        copyRows(
          tile.queries, byteCount: heads * d * size,
          from: query + ((firstRow + token) * queryStride + columns) * size, queryStride * size,
          to: queries, heads * d * size)
        let maxima = logSums + (task * tokens + token) * heads
        maxima.update(repeating: -.infinity, count: rows)
        totals.update(repeating: 0, count: rows)
        sums.update(repeating: 0, count: rows * d)
        for piece in tile.pieces {
          guard let product = products[piece.size] else {
            preconditionFailure("a piece without products")
          }
          let row = (piece.firstQuery - tile.firstQuery) * heads
          let keyRow = firstRow + piece.firstKey
          var settings = piece.settings(shape)
          product.scores.run(
            queries + row * d * size,
            source.keys + (keyRow * source.keyStride + group * d) * size, scores, lane: member)
          ck_softmax(
            element, &settings, scores, weights, maxima + row, totals + row, sums + row * d, d)
          product.mix.run(
            weights, source.values + (keyRow * source.valueStride + group * d) * size,
            sums + row * d, lane: member)
        }
        var whole = tile.settings(shape)
        ck_softmax_end(
          element, &whole, sums, maxima, totals,
          output + ((firstRow + token) * outputStride + columns) * size, outputStride, d)
      }
    }
  }

  // MARK: Backward

  func backward(in program: Program) {
    let (element, size) = (program.compute.element, program.compute.byteCount)
    let (query, queryStride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let source = keysAndValues(in: program)
    let (output, outputStride) = (program[step.result], step.columns(of: step.result))
    let (dOutput, scratch) = (
      program.gradient(of: step.result), program.backwardScratch(of: step).pointer
    )
    let logSums = program[step.node.outputs[1]].assumingMemoryBound(to: Float.self)
    let (heads, d) = (shape.headsOfGroup, shape.headSize)
    guard let dQuery = program.gradientTarget(0, of: step),
      let dKey = program.gradientTarget(1, of: step),
      let dValue = program.gradientTarget(2, of: step)
    else { return }
    precondition(!dQuery.accumulates && !dKey.accumulates && !dValue.accumulates)
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
      valueSums.update(repeating: 0, count: tokens * d)
      for tile in tiles {
        let columns = group * heads * d
        let tileRow = firstRow + tile.firstQuery
        let outputOffset = (tileRow * outputStride + columns) * size
        copyRows(
          tile.queries, byteCount: heads * d * size,
          from: query + (tileRow * queryStride + columns) * size, queryStride * size,
          to: queries, heads * d * size)
        copyRows(
          tile.queries, byteCount: heads * d * size,
          from: dOutput + outputOffset, outputStride * size, to: dOutputs, heads * d * size)
        var whole = tile.settings(shape)
        ck_softmax_deltas(
          element, &whole, dOutput + outputOffset, output + outputOffset, outputStride, deltas, d)
        querySums.update(repeating: 0, count: tile.queries * heads * d)
        let logs = logSums + (task * tokens + tile.firstQuery) * heads
        for piece in tile.pieces {
          guard let product = products[piece.size], let gradient = product.gradients else {
            preconditionFailure("a piece without products")
          }
          let row = (piece.firstQuery - tile.firstQuery) * heads
          let keyRow = firstRow + piece.firstKey
          let (q, dy) = (queries + row * d * size, dOutputs + row * d * size)
          let k = source.keys + (keyRow * source.keyStride + group * d) * size
          let v = source.values + (keyRow * source.valueStride + group * d) * size
          var settings = piece.settings(shape)
          product.scores.run(q, k, scores, lane: member)
          gradient.weights.run(dy, v, dWeights, lane: member)
          ck_softmax_backward(
            element, &settings, scores, dWeights, logs + row, deltas + row, weights, dScores)
          gradient.keysOrValues.run(
            weights, dy, valueSums + piece.firstKey * d, lane: member)
          gradient.keysOrValues.run(dScores, q, keySums + piece.firstKey * d, lane: member)
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
        valueSums, dValue, firstRow: firstRow, rows: tokens, column: group * d, columns: d,
        program.compute)
    }
  }

  // MARK: Rows

  /// Writes sums `[rows, columns]` to neighbouring columns of a gradient.
  private func narrow(
    _ sums: UnsafePointer<Float>, _ target: GradientTarget, firstRow: Int, rows: Int, column: Int,
    columns: Int, _ compute: ComputeType
  ) {
    for row in 0..<rows {
      let source = sums + row * columns
      let offset = ((firstRow + row) * target.rowStride + column) * compute.byteCount
      switch compute {
      case .bfloat16:
        ck_f32_to_bf16(
          source, (target.pointer + offset).assumingMemoryBound(to: UInt16.self), columns)
      case .float32: (target.pointer + offset).copyMemory(from: source, byteCount: columns * 4)
      }
    }
  }
}

extension AttentionPiece {
  fileprivate var size: AttentionProducts.Size { .init(queries: queries, keys: keys) }
}

extension AttentionTile {
  /// The rows of all pieces, without columns.
  fileprivate func settings(_ shape: AttentionShape) -> ck_piece {
    AttentionPiece(firstQuery: firstQuery, queries: queries, firstKey: 0, keys: 0).settings(shape)
  }
}
