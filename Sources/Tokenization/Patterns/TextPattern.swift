import Diagnostics
import JSONText

/// What a tokenizer looks for when it cuts or replaces.
enum TextPattern: Sendable {
  /// Exactly these bytes.
  case literal([UInt8])
  /// A published pattern, or one of characters of a class.
  case scanned(ScannedPattern)
  /// Any other regular expression; slower by a factor of ten.
  case regularExpression(RegularExpression)

  /// Reads `{"String": …}` or `{"Regex": …}`.
  init(reading reader: JSONReader) throws(InputError) {
    if let text = try reader.optional("String") {
      self = .literal(Array(try text.string().utf8))
    } else if let text = try reader.optional("Regex") {
      let pattern = try text.string()
      if let published = ScannedPattern(pattern) {
        self = .scanned(published)
      } else {
        self = .regularExpression(try RegularExpression(pattern, place: text.path))
      }
    } else {
      throw reader.mismatch(#"{"String": …} or {"Regex": …}"#)
    }
  }

  /// Appends the matches in `text` to `matches`, leftmost first, none overlapping. A match may be
  /// empty, but not directly at the end of the match before it.
  ///
  /// - Throws: `unsupported` where a regular expression takes too long.
  func appendMatches(
    in text: Span<UInt8>, to matches: inout [Range<Int>]
  ) throws(InputError) {
    switch self {
    case .literal(let literal): Self.append(literal, in: text, to: &matches)
    case .scanned(let pattern): pattern.appendMatches(in: text, to: &matches)
    case .regularExpression(let expression): try expression.appendMatches(in: text, to: &matches)
    }
  }

  private static func append(
    _ literal: [UInt8], in text: Span<UInt8>, to matches: inout [Range<Int>]
  ) {
    guard let first = literal.first else {
      for position in 0...text.count
      where position == text.count || text[position] & 0xC0 != 0x80 {
        matches.append(position..<position)
      }
      return
    }
    var position = 0
    while position + literal.count <= text.count {
      if text[position] == first,
        literal.indices.allSatisfy({ text[position + $0] == literal[$0] })
      {
        matches.append(position..<(position + literal.count))
        position += literal.count
      } else {
        position += 1
      }
    }
  }
}
