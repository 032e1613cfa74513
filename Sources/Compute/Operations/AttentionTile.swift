internal import CKernels

/// Heads and scale of an attention layer.
package struct AttentionShape: Hashable, Sendable {
  package var headCount: Int
  /// Query head `h` reads key-value head `h / (headCount / keyValueHeadCount)`.
  package var keyValueHeadCount: Int
  package var headSize: Int
  /// Factor on the scores.
  package var scale: Float
  /// Keys that a query sees, itself included; nil: all before it.
  package var window: Int?

  package init(
    headCount: Int, keyValueHeadCount: Int, headSize: Int, scale: Float, window: Int?
  ) {
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.scale = scale
    self.window = window
  }
}

/// Elements from one token's heads to the next token's.
struct AttentionStrides: Hashable {
  var query: Int
  var key: Int
  var value: Int
  /// Of the result and its gradient.
  var output: Int
}

/// Neighbouring queries, and the neighbouring keys that at least one of them sees.
struct AttentionTile: Hashable {
  var firstQuery: Int
  var rows: Int
  var firstKey: Int
  var keys: Int

  /// The tiles of a sequence whose first token stands at position `offset`.
  static func tiles(tokens: Int, offset: Int, window: Int?) -> [AttentionTile] {
    // Scores of a tile in f32 stay within a megabyte, a core's second-level cache. Fewer rows would use
    // what the products pack for less.
    let rowsOfTile = tokens <= 2048 ? 128 : 64
    return stride(from: 0, to: tokens, by: rowsOfTile).map { first in
      let rows = min(rowsOfTile, tokens - first)
      let query = offset + first
      let firstKey = window.map { max(0, query - $0 + 1) } ?? 0
      return AttentionTile(
        firstQuery: query, rows: rows, firstKey: firstKey, keys: query + rows - firstKey)
    }
  }

  /// The same tile with keys after the last visible one, up to a multiple of `step`; the softmax gives them
  /// no weight.
  func widened(toMultipleOf step: Int) -> AttentionTile {
    var tile = self
    tile.firstKey = firstKey / step * step
    tile.keys = (firstKey + keys - tile.firstKey + step - 1) / step * step
    return tile
  }

  func settings(_ shape: AttentionShape) -> ck_tile {
    ck_tile(
      rows: rows, columns: keys, first_query: firstQuery, first_key: firstKey,
      window: shape.window ?? 0, scale: shape.scale)
  }
}

/// The matrix products of one tile: `S = Q K^T`, `Y = P V`, `dP = dY V^T`, `dV += P^T dY`,
/// `dK += dS^T Q` and `dQ = dS K`.
struct TileProducts {
  let scores: MatrixProduct
  let mix: MatrixProduct
  let weightGradient: MatrixProduct?
  let keySum: MatrixProduct?
  let valueSum: MatrixProduct?
  let queryGradient: MatrixProduct?

  init(
    _ tile: AttentionTile, shape: AttentionShape, strides: AttentionStrides, device: Device,
    training: Bool
  ) throws {
    let type = device.compute.product
    let d = shape.headSize
    scores = try device.product(
      ProductShape(
        m: tile.rows, n: tile.keys, k: d, transposesB: true, rowStrideA: strides.query,
        rowStrideB: strides.key, input: type, output: .float32), perThread: true)
    mix = try device.product(
      ProductShape(
        m: tile.rows, n: d, k: tile.keys, rowStrideB: strides.value, rowStrideC: strides.output,
        input: type, output: type), perThread: true)
    guard training else {
      weightGradient = nil
      keySum = nil
      valueSum = nil
      queryGradient = nil
      return
    }
    weightGradient = try device.product(
      ProductShape(
        m: tile.rows, n: tile.keys, k: d, transposesB: true, rowStrideA: strides.output,
        rowStrideB: strides.value, input: type, output: .float32), perThread: true)
    func sum(stride: Int) throws -> MatrixProduct {
      try device.product(
        ProductShape(
          m: tile.keys, n: d, k: tile.rows, transposesA: true, rowStrideB: stride, input: type,
          output: .float32, accumulates: true), perThread: true)
    }
    keySum = try sum(stride: strides.query)
    valueSum = try sum(stride: strides.output)
    queryGradient = try device.product(
      ProductShape(
        m: tile.rows, n: d, k: tile.keys, rowStrideB: strides.key, rowStrideC: strides.query,
        input: type, output: type), perThread: true)
  }
}
