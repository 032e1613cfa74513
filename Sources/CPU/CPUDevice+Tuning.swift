internal import CKernels
package import Compute
import Recordings
import Tensors

/// What tuning computes beside programs.
extension CPUDevice {
  /// Elements of one partial sum of errors. Partial sums do not depend on the number of threads.
  private static let chunk = 65_536

  package func squaredError(
    _ y: DeviceRange, target: DeviceRange, count: Int, gradient: DeviceRange?, factor: Float
  ) -> Double {
    let (y, target, gradient, type) = (
      y.pointer, target.pointer, gradient?.pointer, compute.element
    )
    let chunks = (count + Self.chunk - 1) / Self.chunk
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: max(chunks, 1)) { sums in
      ThreadTeam.forRanges(of: chunks) { begin, end in
        for index in begin..<end {
          sums[index] = ck_squared_error(
            type, y, target, gradient, factor, index * Self.chunk,
            min((index + 1) * Self.chunk, count))
        }
      }
      return (0..<chunks).reduce(0) { $0 + sums[$1] }
    }
  }

  package func squaredErrors(
    _ y: DeviceRange, target: DeviceRange, rows: Int, columns: Int
  ) -> [Double] {
    let (y, target, type) = (y.pointer, target.pointer, compute.element)
    return [Double](unsafeUninitializedCapacity: rows) { buffer, count in
      count = rows
      guard let sums = buffer.baseAddress else { return }
      ThreadTeam.forRanges(of: rows) { begin, end in
        for row in begin..<end {
          sums[row] = ck_squared_error(type, y, target, nil, 0, row * columns, (row + 1) * columns)
        }
      }
    }
  }

  package func suppressOutliers(in parts: [(y: DeviceRange, target: DeviceRange, count: Int)]) {
    let (total, type) = (parts.reduce(0) { $0 + $1.count }, compute.element)
    guard total > 0 else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: total) { magnitudes in
      guard let base = magnitudes.baseAddress else { return }
      var first = 0
      for part in parts {
        let (y, target, own) = (part.y.pointer, part.target.pointer, base + first)
        ThreadTeam.forRanges(of: part.count) { ck_magnitudes(type, y, target, own, $0, $1) }
        first += part.count
      }
      let threshold = ck_largest_of_rank(base, total, max(1, total / 1000))
      for part in parts {
        let (y, target) = (part.y.pointer, part.target.pointer)
        ThreadTeam.forRanges(of: part.count) {
          ck_replace_outliers(type, y, target, threshold, $0, $1)
        }
      }
    }
  }

  package func addSquares(of x: DeviceRange, rows: Int, stride: Int, to sums: inout [Float]) {
    let (x, type) = (x.pointer, compute.element)
    sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      ThreadTeam.forRanges(of: sums.count) { begin, end in
        ck_add_column_squares(type, x, stride, rows, base, begin, end)
      }
    }
  }

  package func add(_ x: DeviceRange, to sum: DeviceRange, count: Int, keeping kept: Float) {
    let (x, sum) = (x.floats, sum.floats)
    ThreadTeam.forRanges(of: count) { begin, end in
      if kept == 0 {
        (sum + begin).update(from: x + begin, count: end - begin)
      } else {
        for index in begin..<end {
          // A sum that became infinite or NaN begins anew.
          let before = sum[index].isFinite ? kept * sum[index] : 0
          sum[index] = before + x[index]
        }
      }
    }
  }
}
