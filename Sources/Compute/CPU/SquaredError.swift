internal import CKernels
import Tensors

/// The loss of a block: the mean over all elements of `(y - target)^2`, with its gradient.
package enum SquaredError {
  /// Elements of one partial sum. Partial sums do not depend on the number of threads.
  private static let chunk = 65_536

  /// Sum of squared differences of `count` elements; `gradient`, if given, gets
  /// `factor * (y - target)`.
  package static func sum(
    _ y: UnsafeRawPointer, target: UnsafeRawPointer, count: Int, compute: ComputeType,
    gradient: UnsafeMutableRawPointer?, factor: Float
  ) -> Double {
    let chunks = (count + chunk - 1) / chunk
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: max(chunks, 1)) { sums in
      ThreadTeam.forRanges(of: chunks) { begin, end in
        for index in begin..<end {
          sums[index] = ck_squared_error(
            compute.element, y, target, gradient, factor, index * chunk,
            min((index + 1) * chunk, count))
        }
      }
      return (0..<chunks).reduce(0) { $0 + sums[$1] }
    }
  }

  /// Sum of squared differences of each row.
  package static func sums(
    _ y: UnsafeRawPointer, target: UnsafeRawPointer, rows: Int, columns: Int, compute: ComputeType
  ) -> [Double] {
    [Double](unsafeUninitializedCapacity: rows) { buffer, count in
      count = rows
      guard let sums = buffer.baseAddress else { return }
      ThreadTeam.forRanges(of: rows) { begin, end in
        for row in begin..<end {
          sums[row] = ck_squared_error(
            compute.element, y, target, nil, 0, row * columns, (row + 1) * columns)
        }
      }
    }
  }
}
