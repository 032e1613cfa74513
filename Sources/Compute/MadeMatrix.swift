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

  /// What makes a part.
  func source(ofPart index: Int) -> any MatrixSource {
    guard let source = sources[index] else { preconditionFailure("a matrix that was never loaded") }
    return source
  }

  /// Writes rows and columns of the parameter, on the thread that asks: one row after the other, without gaps.
  package func write(
    _ wanted: Range<Int>, columns: Range<Int>, into output: UnsafeMutableRawPointer, dtype: DType
  ) {
    for (part, source) in zip(rows, sources) {
      let common = part.clamped(to: wanted)
      guard !common.isEmpty else { continue }
      guard let source else { preconditionFailure("a matrix is read that was never loaded") }
      let offset = (common.lowerBound - wanted.lowerBound) * columns.count * dtype.byteCount
      source.write(
        rows: common.lowerBound - part.lowerBound..<common.upperBound - part.lowerBound,
        columns: columns, into: output + offset, dtype: dtype, rowStride: columns.count)
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
}
