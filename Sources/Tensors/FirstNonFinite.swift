internal import CKernels
import Foundation

extension UnsafeRawBufferPointer {
  /// The index of the first element that is infinite or NaN; nil if there is none, or the type has none.
  package func firstNonFinite(_ dtype: DType) -> Int? {
    guard let baseAddress else { return nil }
    let count = count / dtype.byteCount
    let found: Int
    switch dtype {
    case .float64: found = ck_first_non_finite_64(baseAddress, count, 0x7FF0_0000_0000_0000)
    case .float32: found = ck_first_non_finite_32(baseAddress, count, 0x7F80_0000)
    case .bfloat16: found = ck_first_non_finite_16(baseAddress, count, 0x7F80)
    case .float16: found = ck_first_non_finite_16(baseAddress, count, 0x7C00)
    case .float8E4M3:
      // There are no infinities, and one NaN of each sign.
      func first(_ code: Int32, below count: Int) -> Int {
        memchr(baseAddress, code, count).map { UnsafeRawPointer($0) - baseAddress } ?? count
      }
      found = first(0xFF, below: first(0x7F, below: count))
    default: return nil
    }
    return found < count ? found : nil
  }
}
