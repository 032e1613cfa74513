import Diagnostics
import JSONText

/// Replaces every match of a pattern by a fixed string: `Replace`, in normalizers and decoders.
struct Replacement: Normalizer {
  let pattern: TextPattern
  let content: [UInt8]

  func normalize(_ text: inout NormalizedText) {
    let matches = matches(in: text.bytes)
    if let first = matches.first, first.lowerBound == 0, !first.isEmpty, content.isEmpty {
      text.beginsInput = false
    }
    text.bytes = replaced(matches, in: text.bytes)
  }

  func applied(to bytes: [UInt8]) -> [UInt8] {
    replaced(matches(in: bytes), in: bytes)
  }

  private func matches(in bytes: [UInt8]) -> [Range<Int>] {
    var matches: [Range<Int>] = []
    pattern.appendMatches(in: bytes.span, to: &matches)
    return matches
  }

  private func replaced(_ matches: [Range<Int>], in bytes: [UInt8]) -> [UInt8] {
    if matches.isEmpty { return bytes }
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + matches.count * content.count)
    var copied = 0
    for match in matches {
      output.append(contentsOf: bytes[copied..<match.lowerBound])
      output.append(contentsOf: content)
      copied = match.upperBound
    }
    output.append(contentsOf: bytes[copied...])
    return output
  }
}

extension Replacement {
  init(reading reader: JSONReader) throws(InputError) {
    pattern = try TextPattern(reading: try reader.required("pattern"))
    content = Array(try reader.required("content").string().utf8)
  }
}
