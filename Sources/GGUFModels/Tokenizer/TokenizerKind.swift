import Diagnostics
import JSONText
import Tokenization

/// The tokenizers of llama.cpp, and which of them does what a tokenizer.json says. What is asked are components and their
/// settings, and the text of patterns; one added character changes what a pattern matches.
enum TokenizerKind: Equatable {
  /// Merges of bytes, after cuts that have a name there.
  case byteLevel(cuts: String)
  /// Merges of characters by score, with a token for each byte that has none.
  case sentencePiece(addsPrefix: Bool)
  /// Merges of characters in their order, of which lines are never merged.
  case orderedMerges
  /// The likeliest tokens, with the normalization of SentencePiece.
  case unigram(charsmap: String?, addsPrefix: Bool, removesBlanks: Bool)

  init(_ parts: TokenizerParts) throws(InputError) {
    if parts.modelType == "Unigram" {
      self = try Self.unigram(parts)
    } else if parts.preTokenizers.contains(where: { $0.value["type"]?.stringValue == "ByteLevel" })
    {
      try Self.requireNormalizers(parts, among: ["NFC"])
      self = .byteLevel(cuts: try PreTokenizerName.name(of: parts))
    } else {
      self = .sentencePiece(addsPrefix: try Self.addsPrefix(parts))
    }
  }

  static func type(_ step: JSONReader) throws(InputError) -> String {
    try step.required("type").string()
  }

  private static func requireNormalizers(
    _ parts: TokenizerParts, among known: [String]
  ) throws(InputError) {
    for step in parts.normalizers {
      let type = try type(step)
      guard known.contains(type) else {
        throw unsupported("the normalizer \(quoted(type))", step.path)
      }
    }
  }

  static func unsupported(_ what: String, _ place: String) -> InputError {
    InputError(
      .unsupported, source: "tokenizer.json", place: place,
      "found \(what), which llama.cpp does not have for tokenizers of this kind")
  }

  // MARK: Merges by score

  private static let mark = "\u{2581}"

  private static func addsPrefix(_ parts: TokenizerParts) throws(InputError) -> Bool {
    var (addsPrefix, marksSpaces) = (false, false)
    for step in parts.normalizers {
      switch try type(step) {
      case "Prepend" where step.value["prepend"]?.stringValue == mark: addsPrefix = true
      case "Replace"
      where step.value["pattern"]?["String"]?.stringValue == " "
        && step.value["content"]?.stringValue == mark:
        marksSpaces = true
      case let type: throw unsupported("the normalizer \(quoted(type))", step.path)
      }
    }
    for step in parts.preTokenizers {
      switch try type(step) {
      case "Metaspace":
        marksSpaces = true
        addsPrefix = try prepends(step)
      // Spaces are marks by then, so that it never matches.
      case "Split" where marksSpaces && step.value["pattern"]?["String"]?.stringValue == " ": break
      case let type: throw unsupported("the pre-tokenizer \(quoted(type))", step.path)
      }
    }
    guard marksSpaces, try parts.settings.optional("byte_fallback")?.bool() == true else {
      throw unsupported("merges of characters without tokens for bytes", "model.byte_fallback")
    }
    return addsPrefix
  }

  private static func prepends(_ step: JSONReader) throws(InputError) -> Bool {
    if let scheme = try step.optional("prepend_scheme") { return try scheme.string() != "never" }
    return try step.optional("add_prefix_space")?.bool() ?? true
  }

  // MARK: Unigram

  private static func unigram(_ parts: TokenizerParts) throws(InputError) -> TokenizerKind {
    if try parts.settings.optional("byte_fallback")?.bool() == true {
      throw unsupported("Unigram with tokens for bytes", "model.byte_fallback")
    }
    var (charsmap, removesBlanks) = (String?.none, false)
    for step in parts.normalizers {
      switch try type(step) {
      case "Precompiled": charsmap = try step.required("precompiled_charsmap").string()
      case "Replace"
      where step.value["pattern"]?["Regex"]?.stringValue == " {2,}"
        && [" ", mark].contains(step.value["content"]?.stringValue):
        removesBlanks = true
      case "Strip": removesBlanks = true
      case let type: throw unsupported("the normalizer \(quoted(type))", step.path)
      }
    }
    var addsPrefix = false
    for step in parts.preTokenizers {
      switch try type(step) {
      case "WhitespaceSplit": removesBlanks = true
      case "Metaspace": addsPrefix = try prepends(step)
      case let type: throw unsupported("the pre-tokenizer \(quoted(type))", step.path)
      }
    }
    return .unigram(charsmap: charsmap, addsPrefix: addsPrefix, removesBlanks: removesBlanks)
  }
}
