import Diagnostics
import JSONText

/// Replaces every match of a pattern by a fixed string: `Replace`, in normalizers and decoders.
struct Replacement: Normalizer {
  let pattern: TextPattern
  let content: [UInt8]

  func normalize(_ text: inout NormalizedText) throws(InputError) {
    let matches = try matches(in: text.bytes)
    try text.require(byteCount: byteCount(of: text.bytes, matches))
    if let first = matches.first, first.lowerBound == 0, !first.isEmpty, content.isEmpty {
      text.beginsInput = false
    }
    text.bytes = replaced(matches, in: text.bytes)
  }

  /// The most bytes that a decoder may make longer tokens of.
  private static let byteCountLimit = 1 << 20

  /// The bytes with their matches replaced; as they are where finding them takes too long, or where too many
  /// bytes would come of it. Decoding tells no errors.
  func applied(to bytes: [UInt8]) -> [UInt8] {
    guard let matches = try? matches(in: bytes),
      byteCount(of: bytes, matches) <= max(bytes.count, Self.byteCountLimit)
    else { return bytes }
    return replaced(matches, in: bytes)
  }

  /// Bytes after the replacement; `Int.max` if they cannot be counted.
  private func byteCount(of bytes: [UInt8], _ matches: [Range<Int>]) -> Int {
    let (added, overflows) = matches.count.multipliedReportingOverflow(by: content.count)
    return overflows ? .max : bytes.count - matches.reduce(0) { $0 + $1.count } + added
  }

  private func matches(in bytes: [UInt8]) throws(InputError) -> [Range<Int>] {
    var matches: [Range<Int>] = []
    try pattern.appendMatches(in: bytes.span, to: &matches)
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
