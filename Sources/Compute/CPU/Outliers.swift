internal import CKernels
import Tensors

/// Leaves the largest differences of a block's output out of its loss, so that a few outliers do not
/// decide for all.
package enum Outliers {
  /// Makes the elements of `y` that differ most from their targets equal to them: one in a thousand, at
  /// least one.
  ///
  /// - Parameters:
  ///   - y: The samples' outputs, one after the other.
  ///   - targets: Of each sample.
  ///   - count: Elements of a sample.
  package static func suppress(
    in y: UnsafeMutableRawPointer, targets: [UnsafeMutableRawPointer], count: Int,
    compute: ComputeType
  ) {
    let total = targets.count * count
    guard total > 0 else { return }
    let size = count * compute.byteCount
    withUnsafeTemporaryAllocation(of: Float.self, capacity: total) { magnitudes in
      guard let base = magnitudes.baseAddress else { return }
      for (index, target) in targets.enumerated() {
        ThreadTeam.forRanges(of: count) {
          ck_magnitudes(compute.element, y + index * size, target, base + index * count, $0, $1)
        }
      }
      let threshold = ck_largest_of_rank(base, total, max(1, total / 1000))
      for (index, target) in targets.enumerated() {
        ThreadTeam.forRanges(of: count) {
          ck_replace_outliers(compute.element, y + index * size, target, threshold, $0, $1)
        }
      }
    }
  }
}
