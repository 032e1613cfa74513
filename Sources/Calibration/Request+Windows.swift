import Diagnostics
import Foundation
import Tensors

extension CalibrationData.Request {
  /// Consecutive windows of one text.
  ///
  /// Only as much of the text is encoded as the windows need: its first bytes, more if they turn out
  /// to be too few. Encoding is local, so the tokens of a beginning are those of the whole, except
  /// for the last few, which are left unused.
  func windows(
    of text: Data, _ vocabulary: CalibrationData.Vocabulary
  ) throws -> CalibrationData.Found {
    guard text.contains(where: { $0 > UInt8(ascii: " ") }) else {
      throw InputError(.malformed, "has no text")
    }
    let sampleCount = sampleCount + heldOutCount
    let (wanted, overflow) = sampleCount.multipliedReportingOverflow(by: sequenceLength)
    guard !overflow else {
      throw InputError(
        .invalidValue, "\(sampleCount) samples of \(sequenceLength) tokens are too many")
    }
    // A shuffle takes windows from everywhere.
    let isPart = settings.shuffleSeed == nil && wanted <= text.count / 5
    var byteCount = isPart ? wanted * 5 + 4096 : text.count
    while true {
      let beginning = Self.beginning(of: text, byteCount: byteCount)
      guard let string = String(validating: beginning, as: UTF8.self) else {
        throw InputError(.malformed, "is not text in UTF-8")
      }
      let ids = try vocabulary.encode(string)
      let isWhole = beginning.count == text.count
      guard isWhole || ids.count >= wanted + Self.unusedTail else {
        byteCount = byteCount > text.count / 2 ? text.count : byteCount * 2
        continue
      }
      guard ids.count >= sequenceLength else {
        throw InputError(
          .invalidValue, "has \(ids.count) tokens; one sample takes \(sequenceLength)")
      }
      var order = Array(0..<ids.count / sequenceLength)
      if let seed = settings.shuffleSeed {
        var generator = MersenneTwister(seed: seed)
        generator.shuffle(&order)
      }
      let windows = order.prefix(sampleCount).map {
        Array(ids[$0 * sequenceLength..<($0 + 1) * sequenceLength])
      }
      return CalibrationData.Found(
        samples: windows.prefix(self.sampleCount).map { Sample(ids: $0) },
        heldOut: Array(windows.dropFirst(self.sampleCount)))
    }
  }

  /// Tokens at the end of a beginning that the text after it could change.
  private static let unusedTail = 64

  /// At least `byteCount` bytes, up to the next end of a line, so that no word is cut. Where a line
  /// goes on for long, it is cut at a character.
  private static func beginning(of text: Data, byteCount: Int) -> Data {
    guard byteCount < text.count else { return text }
    let start = text.index(text.startIndex, offsetBy: byteCount)
    let rest = text[start...].prefix(longestLine)
    if let end = rest.firstIndex(of: UInt8(ascii: "\n")) { return text[..<end] }
    guard rest.count == longestLine else { return text }
    let end = rest.indices.first { text[$0] & 0xC0 != 0x80 } ?? start
    return text[..<end]
  }

  /// Bytes that are searched for a line's end.
  private static let longestLine = 1 << 20

  /// The ids of a text's beginning, as many as a sample takes and more, or of all of it.
  ///
  /// A record can be a book of a hundred megabytes, of which a sample needs a page.
  func beginning(
    of text: String, _ vocabulary: CalibrationData.Vocabulary
  ) throws -> [Int32] {
    var byteCount = max(
      Self.longestLine, sequenceLength.multipliedReportingOverflow(by: 16).partialValue)
    while byteCount > 0, byteCount < text.utf8.count {
      let end = text.utf8.index(text.startIndex, offsetBy: byteCount)
      let ids = try vocabulary.encode(String(text[..<text.unicodeScalars.index(after: end)]))
      if ids.count >= sequenceLength + Self.unusedTail { return ids }
      byteCount *= 2
    }
    return try vocabulary.encode(text)
  }
}
