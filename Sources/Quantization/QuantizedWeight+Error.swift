package import Tensors

extension QuantizedWeight {
  /// How far the numbers are from those of a weight: the root of the sum of squared differences, as a share of that of
  /// the weight's own squares. 0 for a weight of zeros.
  package func relativeError(from weight: Tensor) -> Double {
    precondition(weight.shape == [rows, columns], "\(weight.shape) is not [\(rows), \(columns)]")
    var sums = [(difference: Double, weight: Double)](repeating: (0, 0), count: rows)
    sums.withUnsafeMutableBufferPointer { sums in
      // Threads write disjoint rows.
      nonisolated(unsafe) let sums = sums
      ThreadTeam.forRanges(of: rows) { begin, end in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * max(1, columns)) { numbers in
          guard let own = numbers.baseAddress else { return }
          let other = own + columns
          for row in begin..<end {
            write(
              rows: row..<row + 1, columns: 0..<columns, into: own, dtype: .float32,
              rowStride: columns)
            weight.read(row * columns..<(row + 1) * columns, into: other)
            var (difference, norm) = (0.0, 0.0)
            // In f64, whose range has room for the square of any float.
            for column in 0..<columns {
              let (number, expected) = (Double(own[column]), Double(other[column]))
              difference += (number - expected) * (number - expected)
              norm += expected * expected
            }
            sums[row] = (difference, norm)
          }
        }
      }
    }
    let (difference, norm) = sums.reduce((0, 0)) { ($0.0 + $1.difference, $0.1 + $1.weight) }
    return norm > 0 ? (difference / norm).squareRoot() : 0
  }
}
