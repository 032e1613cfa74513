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

/// Spaces for the visible character, and nothing for the one in front: `Metaspace`.
struct MetaspaceDecoder: TokenDecoder {
  let settings: MetaspaceSettings

  func decode(_ tokens: inout [[UInt8]]) {
    let mark = TextPattern.literal(settings.replacement)
    for index in tokens.indices {
      let space: [UInt8] = index == 0 && settings.scheme != .never ? [] : [0x20]
      tokens[index] = Replacement(pattern: mark, content: space).applied(to: tokens[index])
    }
  }
}

/// A space for the suffix that ends words, and nothing for the last one: `BPEDecoder`.
struct SuffixDecoder: TokenDecoder {
  let suffix: TextPattern

  init(reading reader: JSONReader) throws(InputError) {
    suffix = .literal(Array((try reader.optional("suffix")?.string() ?? "</w>").utf8))
  }

  func decode(_ tokens: inout [[UInt8]]) {
    for index in tokens.indices {
      let space: [UInt8] = index == tokens.count - 1 ? [] : [0x20]
      tokens[index] = Replacement(pattern: suffix, content: space).applied(to: tokens[index])
    }
  }
}
