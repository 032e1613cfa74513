import Diagnostics

/// A stretch of text on its way through the normalizers.
struct NormalizedText: Sendable {
  /// The text, in well-formed UTF-8.
  var bytes: [UInt8]
  /// The most bytes that may become of the text. Normalizers can lengthen it one after the other; those of
  /// real tokenizers do not come near.
  let byteCountLimit: Int
  /// Whether the first character stems from the very start of the input text. Metaspace's scheme
  /// `first` asks for it.
  var beginsInput: Bool

  init(bytes: [UInt8], beginsInput: Bool) {
    self.bytes = bytes
    self.beginsInput = beginsInput
    byteCountLimit = 65_536 + 64 * bytes.count
  }

  /// - Throws: `unsupported` if so many bytes are too many.
  func require(byteCount: Int) throws(InputError) {
    guard byteCount > byteCountLimit else { return }
    throw InputError(
      .unsupported, place: "normalizer",
      "makes \(byteCount) bytes of a text; expected no more than \(byteCountLimit)")
  }

  /// Applies one normalizer after the other.
  mutating func apply(_ steps: [any Normalizer]) throws(InputError) {
    for step in steps {
      try step.normalize(&self)
      try require(byteCount: bytes.count)
    }
  }
}

/// Rewrites a stretch of text before it is cut.
protocol Normalizer: Sendable {
  func normalize(_ text: inout NormalizedText) throws(InputError)
}

/// Each `normalizer` of tokenizer.json.
let normalizers = ComponentTable<any Normalizer>(
  "normalizer", sequence: "normalizers",
  [
    ("NFC", { _ in UnicodeNormalization.composed }),
    ("NFD", { _ in UnicodeNormalization.decomposed }),
    ("NFKC", { _ in UnicodeNormalization.compatibilityComposed }),
    ("NFKD", { _ in UnicodeNormalization.compatibilityDecomposed }),
    ("Lowercase", { _ in ScalarMapping.lowercase }),
    ("StripAccents", { _ in ScalarMapping.withoutMarks }),
    ("Strip", BlankStripping.init(reading:)),
    ("Prepend", Prepending.init(reading:)),
    ("Replace", Replacement.init(reading:)),
    ("Precompiled", PrecompiledCharsmap.init(reading:)),
    ("Nmt", { _ in ScalarMapping.machineTranslation }),
    ("ByteLevel", { _ in ByteLevelNormalizer() }),
  ])
