import WeightBlocks

/// The integer scales and minimums of a super-block's sub-blocks, as its bytes have them.
///
/// q2_k has 4 bits of each in a byte, q6_k a byte with a sign. Of the twelve bytes `s` of the others, with the bits of a
/// number from the lowest:
///
/// | type | number | bits | where |
/// |---|---|---|---|
/// | q3_k | scale j + 32 | 0..<4 | s[j % 8], the low half for j < 8 |
/// | | | 4..<6 | s[8 + j % 4], two bits from 2 * (j / 4) |
/// | q4_k, q5_k | scale j < 4 | 0..<6 | s[j], the low bits |
/// | | minimum j < 4 | 0..<6 | s[4 + j], the low bits |
/// | | j ≥ 4 | 0..<4 | s[4 + j], the scale in the low half, the minimum in the high one |
/// | | | 4..<6 | the scale: the high bits of s[j - 4]; the minimum: of s[j] |
enum SubBlockScales {
  /// The first byte.
  private static func offset(_ type: KQuantType) -> Int {
    switch type {
    case .q2K: 0
    case .q3K: 96
    case .q4K, .q5K: 4
    case .q6K: 192
    }
  }

  static func read(
    _ block: UnsafePointer<UInt8>, _ type: KQuantType
  ) -> (scales: SIMD16<Int8>, minimums: SIMD16<Int8>) {
    let s = block + offset(type)
    var (scales, minimums) = (SIMD16<Int8>.zero, SIMD16<Int8>.zero)
    for j in 0..<type.subBlockCount {
      switch type {
      case .q2K:
        scales[j] = Int8(s[j] & 15)
        minimums[j] = Int8(s[j] >> 4)
      case .q3K:
        let low = s[j % 8] >> (j < 8 ? 0 : 4) & 15
        let high = s[8 + j % 4] >> UInt8(j / 4 * 2) & 3
        scales[j] = Int8(low | high << 4) - 32
      case .q4K, .q5K:
        if j < 4 {
          scales[j] = Int8(s[j] & 63)
          minimums[j] = Int8(s[4 + j] & 63)
        } else {
          scales[j] = Int8(s[4 + j] & 15 | (s[j - 4] >> 6) << 4)
          minimums[j] = Int8(s[4 + j] >> 4 | (s[j] >> 6) << 4)
        }
      case .q6K: scales[j] = Int8(bitPattern: s[j])
      }
    }
    return (scales, minimums)
  }

  /// Writes into a block of zeros.
  static func write(
    _ numbers: KQuantSuperBlock, _ type: KQuantType, to block: UnsafeMutablePointer<UInt8>
  ) {
    let s = block + offset(type)
    for j in 0..<type.subBlockCount {
      let minimum = UInt8(bitPattern: numbers.minimums[j])
      switch type {
      case .q2K: s[j] = UInt8(bitPattern: numbers.scales[j]) | minimum << 4
      case .q3K:
        let scale = UInt8(bitPattern: numbers.scales[j] + 32)
        s[j % 8] |= (scale & 15) << (j < 8 ? 0 : 4)
        s[8 + j % 4] |= (scale >> 4) << UInt8(j / 4 * 2)
      case .q4K, .q5K:
        let scale = UInt8(bitPattern: numbers.scales[j])
        if j < 4 {
          s[j] |= scale
          s[4 + j] |= minimum
        } else {
          s[4 + j] = scale & 15 | minimum << 4
          s[j - 4] |= (scale >> 4) << 6
          s[j] |= (minimum >> 4) << 6
        }
      case .q6K: s[j] = UInt8(bitPattern: numbers.scales[j])
      }
    }
  }
}
