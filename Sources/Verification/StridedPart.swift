import LanguageModels
import Tensors

/// Where the elements of a matrix, or of a vector, lie in a tensor that holds more than it, or has its rows for columns:
///
/// ```
/// element(r, c) = first + r * rowStride + c * columnStride
/// ```
struct StridedPart {
  let first: Int
  let rowStride: Int
  let columnStride: Int

  /// - Parameters:
  ///   - shape: `[rows, columns]` or `[rows]`.
  ///   - tensor: The shape of the tensor.
  /// - Returns: Nil for a tensor in which the steps do not lead to such a part.
  init?(_ stored: StoredMatrix, shape: [Int], in tensor: [Int]) {
    guard let rows = shape.first, rows > 0, (1...2).contains(shape.count) else { return nil }
    var (lines, line, stride, slice) = (rows, 0, 1, 0)
    var inner = tensor
    // From the part back to the whole: which of its lines the first row is, and how many lines on the next is.
    for step in stored.steps.reversed() {
      switch step {
      case .member(let index, let count):
        guard tensor.first == count, (0..<count).contains(index) else { return nil }
        (inner, slice) = (Array(tensor.dropFirst()), index)
      case .rows(let start, let total):
        guard start >= 0, start + line + (rows - 1) * stride < total else { return nil }
        (line, lines) = (line + start, total)
      case .every(let count, let start):
        guard (0..<count).contains(start) else { return nil }
        (line, stride, lines) = (line * count + start, stride * count, lines * count)
      }
    }
    let columns = shape.count == 2 ? shape[1] : 1
    let isTurned = stored.isTransposed && shape.count == 2
    guard inner == (isTurned ? [columns, lines] : [lines] + shape.dropFirst()) else { return nil }
    let base = slice * lines * columns
    (first, rowStride, columnStride) =
      isTurned
      ? (base + line, stride, lines) : (base + line * columns, stride * columns, 1)
  }

  /// A tensor that is the matrix.
  init(whole shape: [Int]) { (first, rowStride, columnStride) = (0, shape.last ?? 1, 1) }

  /// The element at the start of a row.
  func start(ofRow row: Int) -> Int { first + row * rowStride }
}

extension StoredTensor {
  /// Whether the bytes are those of a part of a tensor of the same type.
  func isCopy(of original: StoredTensor, at place: StridedPart) -> Bool {
    let rows = shape.first ?? 0
    let columns = shape.count > 1 ? shape[1] : 1
    return withBytes { own in
      original.file.storage.withBytes(in: original.entry.range) { bytes in
        let size = rows * columns > 0 ? own.count / (rows * columns) : 0
        for row in 0..<rows {
          for column in 0..<columns {
            let from = (place.start(ofRow: row) + column * place.columnStride) * size
            let to = (row * columns + column) * size
            for byte in 0..<size where own[to + byte] != bytes[from + byte] { return false }
          }
        }
        return true
      }
    }
  }
}
