internal import CKernels

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
    default: return nil
    }
    return found < count ? found : nil
  }
}
