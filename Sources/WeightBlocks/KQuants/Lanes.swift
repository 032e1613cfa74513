/// Eight neighbouring numbers. Sub-blocks have two or four such pieces, the scales of a super-block
/// one or two.
typealias Lanes = SIMD8<Float>

extension SIMD8<Float> {
  /// The sum of the lanes, from the first to the last.
  ///
  /// Sums over a sub-block add piece to piece and then the lanes. That is also the order of the
  /// reference on x86, and where candidates are nearly equally good, the order decides.
  @inline(__always) var total: Float {
    let first = self[0] + self[1] + self[2] + self[3]
    return first + self[4] + self[5] + self[6] + self[7]
  }

  /// The nearest integers, half to even, within bounds that are themselves integers, of numbers
  /// without NaN.
  ///
  /// Clamping before rounding gives the same integers as after it, and makes it possible to round
  /// by adding and taking away 1.5 * 2^23, the number above which f32 has no fractions.
  @inline(__always) func rounded(from least: Float, through greatest: Float) -> Self {
    var result = self
    result.replace(with: least, where: result .< least)
    result.replace(with: greatest, where: result .> greatest)
    return (result + 0x1.8p23) - 0x1.8p23
  }

  /// The magnitudes.
  @inline(__always) var magnitudes: Self {
    unsafeBitCast(unsafeBitCast(self, to: SIMD8<UInt32>.self) & 0x7FFF_FFFF, to: Self.self)
  }
}

extension Float {
  /// 1/x, and 0 for what is nearly 0: a group without a range has no scale.
  @inline(__always) package var reciprocalOrZero: Float { magnitude >= 1e-30 ? 1 / self : 0 }

  /// The number, or 0 where it is nearly 0.
  @inline(__always) var orZero: Float { magnitude < 1e-30 ? 0 : self }
}
