import Diagnostics
import Tokenization

/// The tokens of a file, one for each row of the table of tokens, with their types and scores.
struct TokenList {
  private(set) var texts: [String] = []
  private(set) var types: [Int32] = []
  private(set) var scores: [Float] = []

  /// The types of llama.cpp.
  enum Kind: Int32 {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// - Parameters:
  ///   - rows: Those of the table of tokens.
  ///   - unknown: The token for what has none.
  init(
    _ parts: TokenizerParts, kind: TokenizerKind, rows: Int, unknown: Int?
  ) throws(InputError) {
    if let last = parts.tokens.last, last.id >= rows {
      throw InputError(
        .malformed, source: "tokenizer.json",
        "has a token of id \(last.id), expected ids below the \(rows) rows of the table of tokens")
    }
    let isByteLevel = if case .byteLevel = kind { true } else { false }
    let merged = isByteLevel ? [:] : Self.mergedScores(parts)
    var seen: Set<[UInt8]> = []
    func append(_ text: [UInt8], _ kind: Kind, _ score: Float) throws(InputError) {
      guard seen.insert(text).inserted else {
        throw InputError(
          .unsupported, source: "tokenizer.json",
          "the token \(quoted(String(decoding: text, as: UTF8.self))) would occur twice, which llama.cpp refuses"
        )
      }
      texts.append(String(decoding: text, as: UTF8.self))
      types.append(kind.rawValue)
      scores.append(score)
    }
    let known = Set(parts.tokens.map(\.text))
    for token in parts.tokens {
      while types.count < token.id { try append(Self.padding(types.count), .unused, -10_000) }
      var (text, kind, score) = (token.text, Kind.normal, Float(0))
      if let scores = parts.scores, token.id < scores.count { score = Float(scores[token.id]) }
      if let rank = merged[token.text] { score = -Float(rank) }
      if let added = token.added {
        let isControl = added.isSpecial || Self.looksSpecial(text)
        kind = isControl ? .control : .userDefined
        if !isControl {
          let plain = Self.withSpaces(text)
          if !known.contains(plain) { text = plain }
        }
        if parts.scores == nil, merged[token.text] == nil, !isControl { score = -1000 }
      }
      if token.id == unknown, !isByteLevel { kind = .unknown }
      if !isByteLevel, Self.isByte(text) { kind = .byte }
      try append(text, kind, score)
    }
    while types.count < rows { try append(Self.padding(types.count), .unused, -10_000) }
    guard case .sentencePiece = kind else { return }
    let byteCount = types.filter { $0 == Kind.byte.rawValue }.count
    guard byteCount == 256 else {
      throw InputError(
        .unsupported, source: "tokenizer.json", place: "model.vocab",
        "found tokens for \(byteCount) bytes, expected one for each of 256")
    }
  }

  private static func padding(_ id: Int) -> [UInt8] { Array("[PAD\(id)]".utf8) }

  /// Tokens by their place among those that merges make, then all others in their order: a merge by score takes the
  /// same pairs as a merge by rank, because SentencePiece's scores are places as well.
  private static func mergedScores(_ parts: TokenizerParts) -> [[UInt8]: Int] {
    var places: [[UInt8]: Int] = [:]
    for merge in parts.merges {
      let token = merge.left + merge.right
      if places[token] == nil { places[token] = places.count }
    }
    guard parts.scores == nil else { return places }
    for token in parts.tokens
    where token.added == nil && places[token.text] == nil && !isByte(token.text) {
      places[token.text] = places.count
    }
    return places
  }

  /// `<0x0A>`.
  private static func isByte(_ text: [UInt8]) -> Bool {
    guard text.count == 6, text.starts(with: "<0x".utf8), text[5] == UInt8(ascii: ">") else {
      return false
    }
    return UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16) != nil
  }

  /// Tokens that mean something to a model although files do not call them special.
  private static func looksSpecial(_ text: [UInt8]) -> Bool {
    let text = String(decoding: text, as: UTF8.self)
    return ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].contains(text)
      || [("<|", "|>"), ("<\u{FF5C}", "\u{FF5C}>"), ("<unused", ">")].contains {
        text.hasPrefix($0.0) && text.hasSuffix($0.1)
      }
  }

  private static func withSpaces(_ text: [UInt8]) -> [UInt8] {
    Array(String(decoding: text, as: UTF8.self).replacingScalars("\u{2581}", with: " ").utf8)
  }
}

extension String {
  /// With another scalar for one, also where marks follow it, which make a character with it.
  func replacingScalars(_ scalar: Unicode.Scalar, with other: Unicode.Scalar) -> String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0 == scalar ? other : $0 }))
  }
}
