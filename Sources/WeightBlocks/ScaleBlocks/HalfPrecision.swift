import CKernels

extension Float {
  /// The nearest number of f16, half to even; infinite beyond its range.
  package var inHalfPrecision: Float {
    var (number, pattern): (Float, UInt16) = (self, 0)
    ck_f32_to_f16(&number, &pattern, 1)
    ck_f16_to_f32(&pattern, &number, 1)
    return number
  }

  /// Whether f16 holds the number as it is. Of those of bf16 it does from 2^-17 to 65280, and few that are smaller.
  package var isExactInHalfPrecision: Bool { inHalfPrecision == self && isFinite }
}
