import Diagnostics
import Foundation

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
    var byteCount = wanted > text.count / 5 ? text.count : wanted * 5 + 4096
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
      let count = min(sampleCount, ids.count / sequenceLength)
      return CalibrationData.Found(
        samples: (0..<count).map { Array(ids[$0 * sequenceLength..<($0 + 1) * sequenceLength]) })
    }
  }

  /// Tokens at the end of a beginning that the text after it could change.
  private static let unusedTail = 64

  /// At least `byteCount` bytes, up to the next end of a line, so that no word is cut; everything
  /// if there is none.
  private static func beginning(of text: Data, byteCount: Int) -> Data {
    guard byteCount < text.count else { return text }
    let start = text.index(text.startIndex, offsetBy: byteCount)
    guard let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) else { return text }
    return text[..<end]
  }
}
