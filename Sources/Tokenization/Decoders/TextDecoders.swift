import Diagnostics
import JSONText

/// Joins all tokens into one: `Fuse`.
struct FusingDecoder: TokenDecoder {
  func decode(_ tokens: inout [[UInt8]]) {
    tokens = [Array(tokens.joined())]
  }
}

/// Removes a character at the ends of every token: `Strip`.
struct StrippingDecoder: TokenDecoder {
  /// The character, in UTF-8.
  let character: [UInt8]
  /// The most copies to remove at the start.
  let startLimit: Int
  /// The most copies to remove at the end.
  let endLimit: Int

  init(reading reader: JSONReader) throws(InputError) {
    let content = try reader.required("content")
    character = Array(try content.string().utf8)
    guard try content.string().unicodeScalars.count == 1 else {
      throw content.mismatch("one character")
    }
    startLimit = try reader.required("start").int(in: 0...Int.max)
    endLimit = try reader.required("stop").int(in: 0...Int.max)
  }

  func decode(_ tokens: inout [[UInt8]]) {
    for index in tokens.indices {
      var token = tokens[index][...]
      var removed = 0
      while removed < startLimit, token.starts(with: character) {
        token.removeFirst(character.count)
        removed += 1
      }
      removed = 0
      while removed < endLimit, token.suffix(character.count).elementsEqual(character) {
        token.removeLast(character.count)
        removed += 1
      }
      if token.count < tokens[index].count { tokens[index] = Array(token) }
    }
  }
}

/// A space for what marks the bounds of words, and nothing in the token at the end of the text.
struct SpacingDecoder: TokenDecoder {
  let mark: TextPattern
  /// Whether the first token has no space.
  var isFirstBare = false
  /// Whether the last token has none.
  var isLastBare = false

  /// Spaces for the visible character, and nothing for the one in front: `Metaspace`.
  static func metaspace(_ reader: JSONReader) throws(InputError) -> SpacingDecoder {
    let settings = try MetaspaceSettings(reading: reader)
    return SpacingDecoder(
      mark: .literal(settings.replacement), isFirstBare: settings.scheme != .never)
  }

  /// A space for the suffix that ends words, and nothing for the last one: `BPEDecoder`.
  static func suffix(_ reader: JSONReader) throws(InputError) -> SpacingDecoder {
    let suffix = try reader.optional("suffix")?.string() ?? "</w>"
    return SpacingDecoder(mark: .literal(Array(suffix.utf8)), isLastBare: true)
  }

  func decode(_ tokens: inout [[UInt8]]) {
    for index in tokens.indices {
      let isBare = isFirstBare && index == 0 || isLastBare && index == tokens.count - 1
      let replacement = Replacement(pattern: mark, content: isBare ? [] : [0x20])
      tokens[index] = replacement.applied(to: tokens[index])
    }
  }
}
