import Diagnostics
import JSONText

/// A stretch of text on its way through the normalizers.
struct NormalizedText: Sendable {
  /// The text, in well-formed UTF-8.
  var bytes: [UInt8]
  /// The most bytes that may become of the text. Normalizers can lengthen it one after the other; those of
  /// real tokenizers do not come near.
  let byteLimit: Int
  /// Whether the first character stems from the very start of the input text. Metaspace's scheme
  /// `first` asks for it.
  var beginsInput: Bool

  init(bytes: [UInt8], beginsInput: Bool) {
    self.bytes = bytes
    self.beginsInput = beginsInput
    byteLimit = 65_536 + 64 * bytes.count
  }

  /// - Throws: `unsupported` if so many bytes are too many.
  func require(byteCount: Int) throws(InputError) {
    guard byteCount > byteLimit else { return }
    throw InputError(
      .unsupported, place: "normalizer",
      "makes \(byteCount) bytes of a text; expected no more than \(byteLimit)")
  }
}

/// Rewrites a stretch of text before it is cut.
protocol Normalizer: Sendable {
  func normalize(_ text: inout NormalizedText) throws(InputError)
}

/// One normalizer after the other.
struct NormalizerSequence: Normalizer {
  let steps: [any Normalizer]

  func normalize(_ text: inout NormalizedText) throws(InputError) {
    for step in steps {
      try step.normalize(&text)
      try text.require(byteCount: text.bytes.count)
    }
  }
}

/// Reads a `normalizer` of tokenizer.json.
///
/// - Throws: `unsupported` for a type that is not here, naming it.
func readNormalizer(_ reader: JSONReader) throws(InputError) -> any Normalizer {
  let type = try reader.required("type")
  switch try type.string() {
  case "Sequence":
    var steps: [any Normalizer] = []
    for step in try reader.required("normalizers").elements() {
      steps.append(try readNormalizer(step))
    }
    return NormalizerSequence(steps: steps)
  case "NFC": return UnicodeNormalization.composed
  case "NFD": return UnicodeNormalization.decomposed
  case "NFKC": return UnicodeNormalization.compatibilityComposed
  case "NFKD": return UnicodeNormalization.compatibilityDecomposed
  case "Lowercase": return Lowercase()
  case "StripAccents": return AccentRemoval()
  case "Strip": return try BlankStripping(reading: reader)
  case "Prepend": return try Prepending(reading: reader)
  case "Replace": return try Replacement(reading: reader)
  case "Precompiled": return try PrecompiledCharsmap(reading: reader)
  case "Nmt": return NmtNormalizer()
  case "ByteLevel": return ByteLevelNormalizer()
  case let name:
    throw InputError(
      .unsupported, place: type.path,
      "the normalizer \(quoted(name)) is unknown; expected one of "
        + "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, Precompiled, Nmt, ByteLevel, Sequence"
    )
  }
}
