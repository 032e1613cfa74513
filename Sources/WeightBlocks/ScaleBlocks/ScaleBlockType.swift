/// A type of block in a GGUF file with a scale of its own, in f16, for 32 neighbouring weights of a row.
///
/// With the code `q` of a weight, from 0,
///
/// ```
/// w = scale * (q - 2^(bits - 1))      symmetric: q4_0, q5_0, q8_0
/// w = scale * q + minimum             asymmetric: q4_1, q5_1
/// ```
///
/// ``KQuantType`` has the types whose scales are integers.
package enum ScaleBlockType: String, Sendable, CaseIterable {
  case q40 = "q4_0"
  case q41 = "q4_1"
  case q50 = "q5_0"
  case q51 = "q5_1"
  case q80 = "q8_0"

  /// Weights of a block.
  package static let size = 32

  /// The table of types.
  private var layout: (bitCount: Int, isAsymmetric: Bool) {
    switch self {
    case .q40: (4, false)
    case .q41: (4, true)
    case .q50: (5, false)
    case .q51: (5, true)
    case .q80: (8, false)
    }
  }

  /// Bits of a weight's code.
  package var bitCount: Int { layout.bitCount }

  /// Whether blocks have minimums, in f16 too.
  package var isAsymmetric: Bool { layout.isAsymmetric }

  /// What a code is counted from.
  package var zeroPoint: Int { isAsymmetric ? 0 : 1 << (bitCount - 1) }

  /// The greatest code.
  package var greatestCode: Int { (1 << bitCount) - 1 }
}
