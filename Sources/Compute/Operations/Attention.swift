internal import CKernels
import Tensors

/// Causal attention with grouped query heads and an optional sliding window:
/// `softmax(scale q k^T) v` for each head.
///
/// Queries are done in tiles of neighbouring rows against just the keys that the tile can see, so that
/// scores stay in cache and products with masked blocks are never made. The backward pass computes the
/// scores of a tile again from queries and keys and the saved logarithm of the softmax's sum; nothing of
/// size tokens x tokens is kept. One task is one key-value head of one sequence with all its query heads,
/// so each task has the sums for its keys and values to itself and results do not depend on the number of
/// threads.
final class Attention: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  var savedForBackward: [Value] { inputs.map(\.value) + [outputs[1]] }

  private let shape: AttentionShape
  private let batch: Int
  private let tokens: Int
  /// Positions that scratch memory suffices for, in whole steps of a cache.
  private let positions: Int
  private let tiles: [AttentionTile]
  private var products: [AttentionTile: TileProducts] = [:]

  init(
    query: Operand, key: Operand, value: Operand, shape: AttentionShape, y: Value, logSum: Value,
    recorder: ProgramRecorder
  ) {
    precondition(query.columns == shape.headCount * shape.headSize)
    precondition(key.columns == shape.keyValueHeadCount * shape.headSize)
    precondition(value.columns == key.columns)
    precondition(shape.headCount % shape.keyValueHeadCount == 0)
    inputs = [query, key, value]
    outputs = [y, logSum]
    self.shape = shape
    batch = recorder.batch
    tokens = recorder.tokens
    tiles = AttentionTile.tiles(tokens: tokens, offset: 0, window: shape.window)
    // With a cache, keys are read in whole steps, and the last tile may see all positions.
    let step = KeyValueCache.step
    positions = (recorder.positions + step - 1) / step * step
    let mostKeys = recorder.positions > tokens ? positions : 0
    let largest =
      tiles.map { $0.rows * max($0.widened(toMultipleOf: step).keys, mostKeys) }.max() ?? 0
    tileByteCount = largest * 4
    halfTileByteCount = largest * recorder.compute.byteCount
    sumByteCount = recorder.tokens * shape.headSize * 4
  }

  // Scratch of one thread: scores, and in the backward pass also dP, P, dS and the sums dK, dV.
  private let tileByteCount: Int
  private let halfTileByteCount: Int
  private let sumByteCount: Int
  private var forwardScratchOfThread: Int { aligned(tileByteCount) + aligned(halfTileByteCount) }
  private var backwardScratchOfThread: Int {
    2 * aligned(tileByteCount) + 2 * aligned(halfTileByteCount) + 2 * aligned(sumByteCount)
  }
  var forwardScratch: Int { forwardScratchOfThread * ThreadTeam.size }
  var backwardScratch: Int { backwardScratchOfThread * ThreadTeam.size }

  private func aligned(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 }

  func prepare(in program: Program) throws {
    for tile in tiles {
      products[tile] = try TileProducts(
        tile, shape: shape, strides: strides(in: program), device: program.device,
        training: program.training != .nothing)
    }
  }

  private func strides(in program: Program) -> AttentionStrides {
    AttentionStrides(
      query: program.columns(of: inputs[0].value), key: program.columns(of: inputs[1].value),
      value: program.columns(of: inputs[2].value), output: program.columns(of: result))
  }

  func forward(in program: Program) {
    guard let cache = program.cache else {
      return forward(
        in: program, key: program[inputs[1]], value: program[inputs[2]],
        strides: strides(in: program), tiles: tiles, products: products, offset: 0)
    }
    precondition(batch == 1, "a cache holds one sequence")
    precondition(
      cache.tokenCount + tokens <= positions, "more tokens than the program has positions")
    let size = program.compute.byteCount
    cache.append(
      keys: program[inputs[1]], keyStride: program.columns(of: inputs[1].value) * size,
      values: program[inputs[2]], valueStride: program.columns(of: inputs[2].value) * size,
      tokens: tokens)
    let columns = shape.keyValueHeadCount * shape.headSize
    let strides = AttentionStrides(
      query: program.columns(of: inputs[0].value), key: columns, value: columns,
      output: program.columns(of: result))
    let tiles = AttentionTile.tiles(
      tokens: tokens, offset: cache.tokenCount, window: shape.window
    ).map { $0.widened(toMultipleOf: KeyValueCache.step) }
    var products: [AttentionTile: TileProducts] = [:]
    for tile in tiles {
      do {
        products[tile] = try TileProducts(
          tile, shape: shape, strides: strides, device: program.device, training: false)
      } catch {
        preconditionFailure("a product like those prepared before was refused: \(error)")
      }
    }
    forward(
      in: program, key: cache.keys, value: cache.values, strides: strides, tiles: tiles,
      products: products, offset: cache.tokenCount)
  }

  private func forward(
    in program: Program, key: UnsafeRawPointer, value: UnsafeRawPointer,
    strides: AttentionStrides, tiles: [AttentionTile],
    products: [AttentionTile: TileProducts], offset: Int
  ) {
    let compute = program.compute
    let query = program[inputs[0]]
    let (output, scratch) = (program[result], program.forwardScratch)
    let logSums = program[outputs[1]].assumingMemoryBound(to: Float.self)
    let headsPerGroup = shape.headCount / shape.keyValueHeadCount
    let size = compute.byteCount
    ThreadTeam.forEach(batch * shape.keyValueHeadCount) { task, member in
      let (sequence, group) = task.quotientAndRemainder(dividingBy: shape.keyValueHeadCount)
      let firstRow = sequence * tokens
      let scores = (scratch + member * forwardScratchOfThread).assumingMemoryBound(to: Float.self)
      let weights = UnsafeMutableRawPointer(scores) + aligned(tileByteCount)
      for tile in tiles {
        let product = products[tile]!
        let keyRow = firstRow + tile.firstKey
        let k = key + (keyRow * strides.key + group * shape.headSize) * size
        let v = value + (keyRow * strides.value + group * shape.headSize) * size
        let token = tile.firstQuery - offset
        for head in group * headsPerGroup..<(group + 1) * headsPerGroup {
          let (row, column) = (firstRow + token, head * shape.headSize)
          let q = query + (row * strides.query + column) * size
          var settings = tile.settings(shape)
          product.scores.run(q, k, scores, lane: member)
          ck_softmax(
            compute.element, &settings, scores, weights,
            logSums + (sequence * shape.headCount + head) * tokens + token)
          product.mix.run(
            weights, v, output + (row * strides.output + column) * size, lane: member)
        }
      }
    }
  }

  func backward(in program: Program) {
    let compute = program.compute
    let (query, key, value) = (program[inputs[0]], program[inputs[1]], program[inputs[2]])
    let (dOutput, scratch) = (program.gradient(of: result), program.backwardScratch)
    let logSums = program[outputs[1]].assumingMemoryBound(to: Float.self)
    let strides = strides(in: program)
    let headsPerGroup = shape.headCount / shape.keyValueHeadCount
    let (size, d) = (compute.byteCount, shape.headSize)
    guard let dQuery = program.gradientTarget(0), let dKey = program.gradientTarget(1),
      let dValue = program.gradientTarget(2)
    else { return }
    precondition(!dQuery.accumulates && !dKey.accumulates && !dValue.accumulates)
    ThreadTeam.forEach(batch * shape.keyValueHeadCount) { task, member in
      let (sequence, group) = task.quotientAndRemainder(dividingBy: shape.keyValueHeadCount)
      let firstRow = sequence * tokens
      let own = scratch + member * backwardScratchOfThread
      let scores = own.assumingMemoryBound(to: Float.self)
      let dWeights = (own + aligned(tileByteCount)).assumingMemoryBound(to: Float.self)
      let weights = own + 2 * aligned(tileByteCount)
      let dScores = weights + aligned(halfTileByteCount)
      let keySums = (dScores + aligned(halfTileByteCount)).assumingMemoryBound(to: Float.self)
      let valueSums = (UnsafeMutableRawPointer(keySums) + aligned(sumByteCount))
        .assumingMemoryBound(to: Float.self)
      keySums.update(repeating: 0, count: tokens * d)
      valueSums.update(repeating: 0, count: tokens * d)
      for tile in tiles {
        let product = products[tile]!
        let keyRow = firstRow + tile.firstKey
        let k = key + (keyRow * strides.key + group * d) * size
        let v = value + (keyRow * strides.value + group * d) * size
        for head in group * headsPerGroup..<(group + 1) * headsPerGroup {
          let row = firstRow + tile.firstQuery
          let q = query + (row * strides.query + head * d) * size
          let dy = dOutput + (row * strides.output + head * d) * size
          var settings = tile.settings(shape)
          product.scores.run(q, k, scores, lane: member)
          product.weightGradient!.run(dy, v, dWeights, lane: member)
          ck_softmax_backward(
            compute.element, &settings, scores, dWeights,
            logSums + (sequence * shape.headCount + head) * tokens + tile.firstQuery, weights,
            dScores)
          product.valueSum!.run(weights, dy, valueSums + tile.firstKey * d, lane: member)
          product.keySum!.run(dScores, q, keySums + tile.firstKey * d, lane: member)
          product.queryGradient!.run(
            dScores, k, dQuery.pointer + (row * dQuery.rowStride + head * d) * size, lane: member)
        }
      }
      for token in 0..<tokens {
        narrow(keySums + token * d, dKey, row: firstRow + token, column: group * d, compute)
        narrow(valueSums + token * d, dValue, row: firstRow + token, column: group * d, compute)
      }
    }
  }

  private func narrow(
    _ sums: UnsafePointer<Float>, _ target: GradientTarget, row: Int, column: Int,
    _ compute: ComputeType
  ) {
    let pointer = target.pointer + (row * target.rowStride + column) * compute.byteCount
    switch compute {
    case .bfloat16:
      ck_f32_to_bf16(sums, pointer.assumingMemoryBound(to: UInt16.self), shape.headSize)
    case .float32: pointer.copyMemory(from: sums, byteCount: shape.headSize * 4)
    }
  }
}

extension ProgramRecorder {
  /// Records attention of `query` on `key` and `value`; their columns are heads.
  package mutating func attention(
    query: Operand, key: Operand, value: Operand, shape: AttentionShape
  ) -> Value {
    let y = self.value(columns: query.columns)
    let logSum = self.value(columns: shape.headCount, type: .float32)
    operations.append(
      Attention(
        query: query, key: key, value: value, shape: shape, y: y, logSum: logSum, recorder: self))
    return y
  }
}
