internal import CKernels
import Tensors

/// What tuning computes beside programs.
extension CPUDevice {
  package func squaredError(
    _ y: DeviceRange, target: DeviceRange, count: Int, gradient: DeviceRange?, factor: Float
  ) -> Double {
    SquaredError.sum(
      y.pointer, target: target.pointer, count: count, compute: compute,
      gradient: gradient?.pointer, factor: factor)
  }

  package func squaredErrors(
    _ y: DeviceRange, target: DeviceRange, rows: Int, columns: Int
  ) -> [Double] {
    SquaredError.sums(
      y.pointer, target: target.pointer, rows: rows, columns: columns, compute: compute)
  }

  package func suppressOutliers(in y: DeviceRange, targets: [DeviceRange], count: Int) {
    Outliers.suppress(
      in: y.pointer, targets: targets.map(\.pointer), count: count, compute: compute)
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
          // What was no number once must not stay for all steps.
          let before = sum[index].isFinite ? kept * sum[index] : 0
          sum[index] = before + x[index]
        }
      }
    }
  }
}
