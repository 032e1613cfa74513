/// A type of block in a GGUF file whose scales are themselves integers with a scale.
///
/// A *super-block* is 256 neighbouring weights of a row. It has sub-blocks of 16 or 32 weights,
/// each with an integer scale and, in asymmetric types, an integer minimum, and one or two numbers
/// that these are multiplied with. With the code `q` of a weight, from 0,
///
/// ```
/// w = d * scale * q - dmin * minimum      asymmetric: q2_k, q4_k, q5_k
/// w = d * scale * (q - 2^(bits - 1))      symmetric: q3_k, q6_k
/// ```
package enum KQuantType: String, Sendable, CaseIterable {
  case q2K = "q2_k"
  case q3K = "q3_k"
  case q4K = "q4_k"
  case q5K = "q5_k"
  case q6K = "q6_k"

  /// Weights of a super-block.
  package static let superBlockSize = 256

  /// The table of types.
  private var layout: (bitCount: Int, subBlockSize: Int, scaleBitCount: Int, isAsymmetric: Bool) {
    switch self {
    case .q2K: (2, 16, 4, true)
    case .q3K: (3, 16, 6, false)
    case .q4K: (4, 32, 6, true)
    case .q5K: (5, 32, 6, true)
    case .q6K: (6, 16, 8, false)
    }
  }

  /// Bits of a weight's code.
  package var bitCount: Int { layout.bitCount }

  /// Weights that share an integer scale.
  package var subBlockSize: Int { layout.subBlockSize }

  /// Sub-blocks of a super-block: 8 or 16.
  package var subBlockCount: Int { Self.superBlockSize / subBlockSize }

  /// Whether sub-blocks have minimums; their scales are then not negative.
  package var isAsymmetric: Bool { layout.isAsymmetric }

  /// Bits of a sub-block's scale, and of its minimum.
  package var scaleBitCount: Int { layout.scaleBitCount }

  /// Where the integer scales of sub-blocks lie.
  package var scaleRange: ClosedRange<Int> {
    isAsymmetric
      ? 0...(1 << scaleBitCount) - 1 : -(1 << (scaleBitCount - 1))...(1 << (scaleBitCount - 1)) - 1
  }

  /// What a code is counted from.
  package var zeroPoint: Int { isAsymmetric ? 0 : 1 << (bitCount - 1) }
}
