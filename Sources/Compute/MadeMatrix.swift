import Recordings
package import Tensors

/// A parameter without memory: matrices under each other, each with what makes it.
package struct MadeMatrix {
  /// The rows of each part.
  private let rows: [Range<Int>]
  private var sources: [(any MatrixSource)?]

  init(_ info: ParameterInfo) {
    var first = 0
    rows = info.parts.map { part in
      defer { first += part.rows }
      return first..<first + part.rows
    }
    sources = Array(repeating: nil, count: rows.count)
  }

  /// Reads a part from `source` from now on.
  mutating func use(_ source: any MatrixSource, forPart index: Int) { sources[index] = source }

  /// Writes rows and columns of the parameter, on the thread that asks: one row after the other, without gaps.
  package func write(
    _ wanted: Range<Int>, columns: Range<Int>, into output: UnsafeMutableRawPointer, dtype: DType
  ) {
    forEachPart(of: wanted) { source, part, offset in
      source.write(
        rows: part, columns: columns, into: output + offset * columns.count * dtype.byteCount,
        dtype: dtype, rowStride: columns.count)
    }
  }

  /// Where rows lie, if they are in memory in this type, each of so many columns.
  package func place(of wanted: Range<Int>, columns: Int, as dtype: DType) -> UnsafeRawPointer? {
    guard let part = rows.firstIndex(where: { $0.contains(wanted.lowerBound) }),
      wanted.upperBound <= rows[part].upperBound
    else { return nil }
    return sources[part]?.place(as: dtype).map {
      $0 + (wanted.lowerBound - rows[part].lowerBound) * columns * dtype.byteCount
    }
  }

  /// - Parameter body: Called with a part's own rows, and how far below the first wanted one they begin.
  private func forEachPart(
    of wanted: Range<Int>, _ body: (any MatrixSource, _ rows: Range<Int>, _ offset: Int) -> Void
  ) {
    for (index, part) in rows.enumerated() {
      let common = part.clamped(to: wanted)
      guard !common.isEmpty else { continue }
      guard let source = sources[index] else {
        preconditionFailure("a matrix is read that was never loaded")
      }
      let own = common.lowerBound - part.lowerBound..<common.upperBound - part.lowerBound
      body(source, own, common.lowerBound - wanted.lowerBound)
    }
  }
}
