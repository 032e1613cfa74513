/// Rows in runs of a few, for what would take too much memory for all of them at once.
package enum RowPieces {
  /// Ranges that follow one another; at least one, which is empty where there are no rows.
  ///
  /// - Parameters:
  ///   - rows: How many there are.
  ///   - rowSize: Elements or bytes of a row.
  ///   - limit: Most of these in a run, unless one row has more.
  package static func ranges(of rows: Int, rowSize: Int, limit: Int) -> [Range<Int>] {
    guard rows > 0 else { return [0..<0] }
    let count = max(1, limit / max(1, rowSize))
    return stride(from: 0, to: rows, by: count).map { $0..<min($0 + count, rows) }
  }
}

extension Tensor {
  /// The elements along the last dimension as the rows of a matrix.
  package var asRows: Tensor {
    let columns = shape.last ?? 1
    return reshaped([columns == 0 ? 0 : count / columns, columns])
  }
}
