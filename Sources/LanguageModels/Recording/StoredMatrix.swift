import Diagnostics
package import Tensors

/// Where a checkpoint has the numbers of a matrix or a vector: the one place that knows of fused, stacked and
/// transposed tensors.
package struct StoredMatrix: Hashable, Sendable {
  /// The tensor's name inside the block.
  package var tensor: String
  package var slice: Slice
  /// Whether the tensor has a row for each column of the matrix.
  package var isTransposed: Bool
  /// What is added to each stored number: 1 where a norm's weight is stored as its difference from 1.
  package var addend: Float = 0

  /// The part of a tensor that a matrix is.
  package enum Slice: Hashable, Sendable {
    case whole
    /// The rows from a first one on, of so many: matrices one under the other.
    case rows(from: Int, of: Int)
    /// One matrix of a stack of so many, `[count, rows, columns]`.
    case member(Int, of: Int)
    /// One of so many matrices whose rows take turns: `headSize` rows of each for every head.
    case interleaved(Int, of: Int, headSize: Int)
  }

  package init(_ tensor: String, _ slice: Slice = .whole, isTransposed: Bool = false) {
    self.tensor = tensor
    self.slice = slice
    self.isTransposed = isTransposed
  }

  /// The shape of the tensor that holds a matrix `[rows, columns]`, or a vector `[rows]`.
  package func tensorShape(of shape: [Int]) -> [Int] {
    var matrix = shape
    switch slice {
    case .whole, .member: break
    case .rows(_, let total): matrix[0] = total
    case .interleaved(_, let count, _): matrix[0] *= count
    }
    if isTransposed { matrix.reverse() }
    if case .member(_, let count) = slice { return [count] + matrix }
    return matrix
  }

  /// Reads the matrix: where the tensor lies, if its rows are neighbours there, else a copy.
  ///
  /// - Parameters:
  ///   - shape: `[rows, columns]`, or `[rows]` for a vector.
  ///   - block: What the tensor's name begins with; empty for none.
  /// - Throws: `invalidValue` for a slice that the tensor cannot have, and what `source` throws.
  package func read(_ shape: [Int], in block: String, from source: any TensorSource) throws
    -> Tensor
  {
    let name = Self.fullName(tensor, in: block)
    guard fits(shape) else {
      throw InputError(
        .invalidValue, place: "tensor \(quoted(name))",
        "cannot have a matrix of shape \(shape) as its part \(slice)")
    }
    let stored = tensorShape(of: shape)
    let whole = try source.tensor(name, shape: stored)
    let matrix = try part(shape, of: whole, stored: stored)
    guard addend != 0 else { return matrix }
    return Tensor(matrix.floats().map { $0 + addend }, shape: shape)
  }

  private func part(_ shape: [Int], of whole: Tensor, stored: [Int]) throws -> Tensor {
    switch slice {
    case .member(let index, _):
      let member = whole.slice(index..<index + 1).reshaped(Array(stored.dropFirst()))
      return isTransposed ? gathered(shape, from: member) : member
    case .whole where !isTransposed: return whole
    case .rows(let first, _) where !isTransposed: return whole.slice(first..<first + shape[0])
    default: return gathered(shape, from: whole)
    }
  }

  /// The full name of a tensor or module inside a block; outside of all, where the block's name is empty.
  package static func fullName(_ name: String, in block: String) -> String {
    block.isEmpty ? name : "\(block).\(name)"
  }

  private func fits(_ shape: [Int]) -> Bool {
    switch slice {
    case .whole: true
    case .rows(let first, let total): first >= 0 && first <= total - shape[0]
    case .member(let index, let count): index >= 0 && index < count
    case .interleaved(let index, let count, let headSize):
      index >= 0 && index < count && headSize > 0 && shape[0].isMultiple(of: headSize)
    }
  }

  /// The row, or the column of a transposed tensor, that holds a row of the matrix.
  private func storedRow(_ row: Int) -> Int {
    switch slice {
    case .whole, .member: return row
    case .rows(let first, _): return first + row
    case .interleaved(let index, let count, let headSize):
      let (head, rest) = row.quotientAndRemainder(dividingBy: headSize)
      return (head * count + index) * headSize + rest
    }
  }

  /// A copy whose rows are neighbours.
  private func gathered(_ shape: [Int], from tensor: Tensor) -> Tensor {
    let size = tensor.dtype.byteCount
    let columns = shape.dropFirst().reduce(1, *)
    // Elements to the next row, and to the next column, where they lie.
    let (rowStep, columnStep) = isTransposed ? (1, tensor.shape[1]) : (columns, 1)
    let run = isTransposed ? 1 : columns
    return Tensor(filling: shape, dtype: tensor.dtype) { target in
      tensor.withUnsafeBytes { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        for row in 0..<shape[0] {
          let start = from + storedRow(row) * rowStep * size
          for column in stride(from: 0, to: columns, by: run) {
            (to + (row * columns + column) * size).copyMemory(
              from: start + column * columnStep * size, byteCount: run * size)
          }
        }
      }
    }
  }
}
