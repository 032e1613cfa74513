import Foundation
import JSONText
import TestSupport
import Testing
import Tokenization

/// Normalization by parts must give what normalizing the whole gives.
@Suite struct NormalizationTests {
  static let scalars: [UInt32] =
    [0x20, 0x41, 0x65, 0x300, 0x301, 0x323, 0x327, 0x345, 0xE9, 0x1EA5, 0x212B, 0x3099, 0x30AB]
    + [0x1100, 0x1161, 0x11A8, 0xAC00, 0xAC01, 0x200D, 0x2003, 0x2001, 0x0418, 0x0306, 0x4E2D]
    + [0x0F71, 0x0F72, 0x09C7, 0x09BE, 0x1D15E, 0xFB01, 0xFF76, 0xFF9E, 0x0344, 0x2126, 0x201C]

  @Test(arguments: [
    ("NFC", 0), ("NFD", 1), ("NFKC", 2), ("NFKD", 3),
  ])
  func agreesWithNormalizingTheWhole(form: String, number: Int) throws {
    var random = SeededGenerator(seed: UInt64(number) + 1)
    for _ in 0..<3000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<(1 + random.below(8)) {
        let value =
          random.below(4) == 0
          ? UInt32(random.below(0x3000))
          : Self.scalars[random.below(Self.scalars.count)]
        if let scalar = Unicode.Scalar(value) { text.append(scalar) }
      }
      let whole = String(text)
      let expected =
        switch number {
        case 0: whole.precomposedStringWithCanonicalMapping
        case 1: whole.decomposedStringWithCanonicalMapping
        case 2: whole.decomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
        default: whole.decomposedStringWithCompatibilityMapping
        }
      let result = try Components.normalize(whole, with: ["type": .string(form)])
      #expect(visible(result) == visible(expected), "\(visible(whole))")
    }
  }
}
