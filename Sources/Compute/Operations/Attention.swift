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
final class Attention: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  var savedForBackward: [Value] { inputs.map(\.value) + outputs }
  var forwardScratch: Int { forwardMemory.byteCount * ThreadTeam.size }
  var backwardScratch: Int { backwardMemory.byteCount * ThreadTeam.size }

  private let shape: AttentionShape
  private let batch: Int
  private let tokens: Int
  private let positions: Int
  private let tiles: [AttentionTile]
  private let forwardMemory: AttentionScratch
  private let backwardMemory: AttentionScratch
  private var products: [AttentionProducts.Size: AttentionProducts] = [:]
  /// Those on keys and values of a cache.
  private var cacheProducts: [AttentionProducts.Size: AttentionProducts] = [:]

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
    positions = recorder.positions
    tiles = AttentionTile.tiles(tokens: tokens, shape: shape)
    let size = recorder.compute.byteCount
    forwardMemory = AttentionScratch(
      shape, tokens: tokens, elementByteCount: size, backward: false)
    backwardMemory = AttentionScratch(
      shape, tokens: tokens, elementByteCount: size, backward: true)
  }

  private var cacheColumns: Int { shape.keyValueHeadCount * shape.headSize }

  func prepare(in program: Program) throws {
    func prepare(
      _ tiles: [AttentionTile], keyStride: Int, valueStride: Int
    ) throws -> [AttentionProducts.Size: AttentionProducts] {
      var products: [AttentionProducts.Size: AttentionProducts] = [:]
      for piece in tiles.lazy.flatMap(\.pieces) where products[piece.size] == nil {
        products[piece.size] = try AttentionProducts(
          piece.size, shape: shape, keyStride: keyStride, valueStride: valueStride,
          device: program.device, training: program.training != .nothing)
      }
      return products
    }
    products = try prepare(
      tiles, keyStride: program.columns(of: inputs[1].value),
      valueStride: program.columns(of: inputs[2].value))
    guard program.training == .nothing, batch == 1 else { return }
    cacheProducts = try prepare(
      AttentionTile.tilesOnCache(tokens: tokens, offset: 0, shape: shape),
      keyStride: cacheColumns, valueStride: cacheColumns)
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
    guard let cache = program.cache else {
      return forward(in: program, own, tiles: tiles, products: products)
    }
    precondition(batch == 1, "a cache holds one sequence")
    precondition(
      cache.tokenCount + tokens <= positions, "more tokens than the program has positions")
    let size = program.compute.byteCount
    cache.append(
      keys: own.keys, keyStride: own.keyStride * size, values: own.values,
      valueStride: own.valueStride * size, tokens: tokens)
    forward(
      in: program,
      KeysAndValues(
        keys: cache.keys, keyStride: cacheColumns, values: cache.values, valueStride: cacheColumns),
      tiles: AttentionTile.tilesOnCache(tokens: tokens, offset: cache.tokenCount, shape: shape),
      products: cacheProducts)
  }

  private func keysAndValues(in program: Program) -> KeysAndValues {
    KeysAndValues(
      keys: program[inputs[1]], keyStride: program.columns(of: inputs[1].value),
      values: program[inputs[2]], valueStride: program.columns(of: inputs[2].value))
  }

  private func forward(
    in program: Program, _ source: KeysAndValues, tiles: [AttentionTile],
    products: [AttentionProducts.Size: AttentionProducts]
  ) {
    let (element, size) = (program.compute.element, program.compute.byteCount)
    let (query, queryStride) = (program[inputs[0]], program.columns(of: inputs[0].value))
    let (output, outputStride) = (program[result], program.columns(of: result))
    let scratch = program.forwardScratch
    let logSums = program[outputs[1]].assumingMemoryBound(to: Float.self)
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
        gather(
          query + ((firstRow + token) * queryStride + columns) * size, stride: queryStride * size,
          into: queries, rows: tile.queries, rowByteCount: heads * d * size)
        let maxima = logSums + (task * tokens + token) * heads
        maxima.update(repeating: -.infinity, count: rows)
        totals.update(repeating: 0, count: rows)
        sums.update(repeating: 0, count: rows * d)
        for piece in tile.pieces {
          let product = products[piece.size]!
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
    let (query, queryStride) = (program[inputs[0]], program.columns(of: inputs[0].value))
    let source = keysAndValues(in: program)
    let (output, outputStride) = (program[result], program.columns(of: result))
    let (dOutput, scratch) = (program.gradient(of: result), program.backwardScratch)
    let logSums = program[outputs[1]].assumingMemoryBound(to: Float.self)
    let (heads, d) = (shape.headsOfGroup, shape.headSize)
    guard let dQuery = program.gradientTarget(0), let dKey = program.gradientTarget(1),
      let dValue = program.gradientTarget(2)
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
        gather(
          query + (tileRow * queryStride + columns) * size, stride: queryStride * size,
          into: queries, rows: tile.queries, rowByteCount: heads * d * size)
        gather(
          dOutput + outputOffset, stride: outputStride * size, into: dOutputs, rows: tile.queries,
          rowByteCount: heads * d * size)
        var whole = tile.settings(shape)
        ck_softmax_deltas(
          element, &whole, dOutput + outputOffset, output + outputOffset, outputStride, deltas, d)
        querySums.update(repeating: 0, count: tile.queries * heads * d)
        let logs = logSums + (task * tokens + tile.firstQuery) * heads
        for piece in tile.pieces {
          let product = products[piece.size]!
          let row = (piece.firstQuery - tile.firstQuery) * heads
          let keyRow = firstRow + piece.firstKey
          let (q, dy) = (queries + row * d * size, dOutputs + row * d * size)
          let k = source.keys + (keyRow * source.keyStride + group * d) * size
          let v = source.values + (keyRow * source.valueStride + group * d) * size
          var settings = piece.settings(shape)
          product.scores.run(q, k, scores, lane: member)
          product.weightGradient.run(dy, v, dWeights, lane: member)
          ck_softmax_backward(
            element, &settings, scores, dWeights, logs + row, deltas + row, weights, dScores)
          product.keyOrValueGradient.run(
            weights, dy, valueSums + piece.firstKey * d, lane: member)
          product.keyOrValueGradient.run(dScores, q, keySums + piece.firstKey * d, lane: member)
          product.queryGradient.run(dScores, k, querySums + row * d, lane: member)
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

  /// Copies rows that are `stride` bytes apart to where there are no gaps between them.
  private func gather(
    _ source: UnsafeRawPointer, stride: Int, into target: UnsafeMutableRawPointer, rows: Int,
    rowByteCount: Int
  ) {
    for row in 0..<rows {
      (target + row * rowByteCount).copyMemory(
        from: source + row * stride, byteCount: rowByteCount)
    }
  }

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
