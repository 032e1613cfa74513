import Compute
import MatrixProducts
import Recordings

/// The matrix products of pieces of one size, each run by one thread: `S = Q K^T`, `Y += P V`,
/// `dP = dY V^T`, `dV += P^T dY`, `dK += dS^T Q` and `dQ += dS K`.
///
/// Q and dY are gathered, with a row of head-size elements for each query and head of a group. Sums are
/// f32, rows without gaps.
struct AttentionProducts {
  let scores: MatrixProduct
  let mix: MatrixProduct
  /// Those of the backward pass; nil where nothing trains.
  let gradients: Gradients?

  struct Gradients {
    /// `dP = dY V^T`.
    let weights: MatrixProduct
    /// `dV += P^T dY`.
    let values: MatrixProduct
    /// `dK += dS^T Q`.
    let keys: MatrixProduct
    /// `dQ += dS K`.
    let query: MatrixProduct
  }

  /// The size of a piece, which decides the products' shapes.
  struct Size: Hashable {
    var queries: Int
    var keys: Int
  }

  /// Prepares the products for `size`.
  ///
  /// - Parameters:
  ///   - keyStride: Elements from one token's keys to the next token's; `valueStride` likewise.
  ///   - training: Whether those of the backward pass are needed.
  init(
    _ size: Size, shape: AttentionShape, keyStride: Int, valueStride: Int, device: CPUDevice,
    training: Bool
  ) throws {
    let type = device.compute.product
    let rows = size.queries * shape.headsOfGroup
    let (d, valueSize) = (shape.headSize, shape.valueSize)
    func product(_ shape: ProductShape) throws -> MatrixProduct {
      try device.product(shape, perThread: true)
    }
    func timesTransposed(_ columns: Int, stride: Int) throws -> MatrixProduct {
      try product(
        ProductShape(
          m: rows, n: size.keys, k: columns, transposesB: true, rowStrideB: stride, input: type,
          output: .float32))
    }
    func addedTimes(_ columns: Int, stride: Int) throws -> MatrixProduct {
      try product(
        ProductShape(
          m: rows, n: columns, k: size.keys, rowStrideB: stride, input: type, output: .float32,
          accumulates: true))
    }
    func addedTransposedTimes(_ columns: Int) throws -> MatrixProduct {
      try product(
        ProductShape(
          m: size.keys, n: columns, k: rows, transposesA: true, input: type, output: .float32,
          accumulates: true))
    }
    scores = try timesTransposed(d, stride: keyStride)
    mix = try addedTimes(valueSize, stride: valueStride)
    gradients =
      training
      ? Gradients(
        weights: try timesTransposed(valueSize, stride: valueStride),
        values: try addedTransposedTimes(valueSize), keys: try addedTransposedTimes(d),
        query: try addedTimes(d, stride: keyStride)) : nil
  }
}
