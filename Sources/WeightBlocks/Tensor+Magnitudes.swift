import CKernels
package import Tensors

extension Tensor {
  /// The largest magnitude of each row of a floating-point matrix; infinite or NaN where an element is.
  package var largestMagnitudes: [Float] {
    let matrix = dtype == .bfloat16 ? self : converted(to: .float32)
    let type = dtype == .bfloat16 ? CK_BF16 : CK_F32
    let (rows, columns) = (shape[0], shape[1])
    // The least of each row, then the greatest; NaN for a row with one.
    let extremes = [Float](unsafeUninitializedCapacity: 2 * rows) { extremes, count in
      count = 2 * rows
      guard let least = extremes.baseAddress else { return }
      matrix.withUnsafeBytes { bytes in
        ThreadTeam.forRanges(of: rows) { begin, end in
          ck_activation_extremes(
            type, bytes.baseAddress, columns, columns, least, least + rows, begin, end)
        }
      }
    }
    return (0..<rows).map { max(-extremes[$0], extremes[rows + $0]) }
  }
}
