import Diagnostics
package import Tensors

/// Where a checkpoint has the numbers of a matrix or a vector: the one place that knows of fused, stacked and
/// transposed tensors.
package struct StoredMatrix: Hashable, Sendable {
  /// The tensor's name inside the block.
  package var tensor: String
  /// The way from the tensor to the part of it that the matrix is; empty where it is all of it.
  package var steps: [Step]
  /// Whether the tensor has a row for each column of the matrix. A vector has none.
  package var isTransposed: Bool
  /// What is added to each stored number: 1 where a norm's weight is stored as its difference from 1.
  package var addend: Float = 0

  /// A part of a tensor, or of what the steps before have left of it. Rows are the matrix's: where the tensor is
  /// transposed, they are its columns.
  package enum Step: Hashable, Sendable {
    /// One matrix of a stack of so many, `[count, rows, columns]`. Only the first step can be one.
    case member(Int, of: Int)
    /// The rows from a first one on, of so many: matrices one under the other.
    case rows(from: Int, of: Int)
    /// Every n-th row from a first one on, which is below n: rows of n matrices that take turns.
    case every(Int, from: Int)
  }

  package init(_ tensor: String, _ steps: [Step] = [], isTransposed: Bool = false) {
    self.tensor = tensor
    self.steps = steps
    self.isTransposed = isTransposed
  }

  /// The shape of the tensor that holds a matrix `[rows, columns]`, or a vector `[rows]`.
  package func tensorShape(of shape: [Int]) -> [Int] {
    var stored = shape
    for step in steps.reversed() {
      switch step {
      case .member: break
      case .rows(_, let total): stored[0] = total
      case .every(let count, _): stored[0] *= count
      }
    }
    if isTransposed { stored.reverse() }
    if case .member(_, let count) = steps.first { return [count] + stored }
    return stored
  }

  /// The same matrix where `source` has it: as a tensor of its own if there is one of that name, which copies with
  /// quantized layers have, and newer files of some families.
  ///
  /// - Parameter name: What the tensor is called then, inside the block.
  package func found(
    as name: String, in block: String, _ source: any TensorSource
  ) -> StoredMatrix {
    let full = Self.fullName(name, in: block)
    let isApart = tensor == name ? source.hasRowForEachOutput(full) : source.contains(full)
    guard isApart else { return self }
    var own = StoredMatrix(name)
    own.addend = addend
    return own
  }

  /// Reads the matrix: where the tensor lies, if its rows are neighbours there, else a copy.
  ///
  /// - Parameters:
  ///   - shape: `[rows, columns]`, or `[rows]` for a vector.
  ///   - block: What the tensor's name begins with; empty for none.
  /// - Throws: `invalidValue` for steps that the tensor cannot have, and what `source` throws.
  package func read(_ shape: [Int], in block: String, from source: any TensorSource) throws
    -> Tensor
  {
    let name = Self.fullName(tensor, in: block)
    guard fits(rows: shape[0]) else {
      throw InputError(
        .invalidValue, place: "tensor \(quoted(name))",
        "cannot have a matrix of shape \(shape) as its part \(steps)")
    }
    let whole = tensorShape(of: shape)
    let stored: Tensor
    if case .member(let index, _) = steps.first {
      stored = try source.tensor(name, shape: whole, member: index)
    } else {
      stored = try source.tensor(name, shape: whole)
    }
    let matrix = part(shape, of: stored)
    guard addend != 0 else { return matrix }
    return Tensor(matrix.floats().map { $0 + addend }, shape: shape)
  }

  /// - Parameter stored: The tensor, or the member of a stack.
  private func part(_ shape: [Int], of stored: Tensor) -> Tensor {
    let first = storedRow(0)
    let areNeighbours = shape[0] == 1 || storedRow(1) == first + 1
    guard areNeighbours, !isTransposed || shape.count == 1 else {
      return gathered(shape, from: stored)
    }
    return stored.shape[0] == shape[0] ? stored : stored.slice(first..<first + shape[0])
  }

  /// The full name of a tensor or module inside a block; outside of all, where the block's name is empty.
  package static func fullName(_ name: String, in block: String) -> String {
    block.isEmpty ? name : "\(block).\(name)"
  }

  private func fits(rows: Int) -> Bool {
    var rows = rows
    for (index, step) in steps.enumerated().reversed() {
      switch step {
      case .member(let member, let count):
        guard index == 0, member >= 0, member < count else { return false }
      case .rows(let first, let total):
        guard first >= 0, first <= total - rows else { return false }
        rows = total
      case .every(let count, let first):
        guard first >= 0, first < count else { return false }
        let (total, overflows) = rows.multipliedReportingOverflow(by: count)
        guard !overflows else { return false }
        rows = total
      }
    }
    return true
  }

  /// The row, or the column of a transposed tensor, that holds a row of the matrix.
  private func storedRow(_ row: Int) -> Int {
    steps.reversed().reduce(row) { row, step in
      switch step {
      case .member: row
      case .rows(let first, _): first + row
      case .every(let count, let first): row * count + first
      }
    }
  }

  /// A copy whose rows are neighbours.
  private func gathered(_ shape: [Int], from tensor: Tensor) -> Tensor {
    let columns = shape.dropFirst().reduce(1, *)
    let size = columns * tensor.dtype.byteCount
    return Tensor(filling: shape, dtype: tensor.dtype) { target in
      tensor.withUnsafeBytes { source in
        guard isTransposed, shape.count > 1 else {
          for row in 0..<shape[0] {
            let from = storedRow(row) * size
            UnsafeMutableRawBufferPointer(rebasing: target[row * size..<(row + 1) * size])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<from + size]))
          }
          return
        }
        let stride = tensor.shape[1]
        switch tensor.dtype.byteCount {
        case 1: turn(UInt8.self, shape, stride: stride, source, target)
        case 2: turn(UInt16.self, shape, stride: stride, source, target)
        case 4: turn(UInt32.self, shape, stride: stride, source, target)
        default: turn(UInt64.self, shape, stride: stride, source, target)
        }
      }
    }
  }

  /// Copies columns to rows, in squares that fit into a core's cache.
  ///
  /// - Parameter stride: Elements from one column of the matrix to the next where they lie.
  private func turn<Word: BitwiseCopyable>(
    _ type: Word.Type, _ shape: [Int], stride: Int, _ source: UnsafeRawBufferPointer,
    _ target: UnsafeMutableRawBufferPointer
  ) {
    let (from, to) = (source.assumingMemoryBound(to: type), target.assumingMemoryBound(to: type))
    let (rows, columns, side) = (shape[0], shape[1], 64)
    let places = (0..<rows).map(storedRow)
    for row in Swift.stride(from: 0, to: rows, by: side) {
      for column in Swift.stride(from: 0, to: columns, by: side) {
        for r in row..<min(row + side, rows) {
          for c in column..<min(column + side, columns) {
            to[r * columns + c] = from[c * stride + places[r]]
          }
        }
      }
    }
  }
}
