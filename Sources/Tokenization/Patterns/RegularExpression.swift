import Diagnostics
import Foundation

/// A regular expression in the syntax and with the semantics of Hugging Face tokenizers, as far as
/// Foundation's engine has them: `^` and `$` match at every line, and only `\n` ends a line.
///
/// Differences that remain: `\w` does not match ¹, ², ³, ¼, ½ and ¾, and `^` also matches behind a
/// newline that ends the text.
struct RegularExpression: Sendable {
  let pattern: String
  private let expression: NSRegularExpression

  /// - Throws: `unsupported` if the pattern does not compile.
  init(_ pattern: String, place: String) throws(InputError) {
    self.pattern = pattern
    do {
      expression = try NSRegularExpression(
        pattern: pattern, options: [.anchorsMatchLines, .useUnixLineSeparators])
    } catch {
      throw InputError(
        .unsupported, place: place, "the regular expression \(quoted(pattern)) does not compile")
    }
  }

  /// Reports of the engine that a text of any length may take, beside one at every character.
  private static let leastReportLimit = 1000

  /// - Throws: `unsupported` if the engine tries for too long.
  func appendMatches(
    in text: Span<UInt8>, to matches: inout [Range<Int>]
  ) throws(InputError) {
    let string = text.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    let length = string.utf16.count
    var position = 0  // in bytes
    var utf16Position = 0  // the same, in UTF-16
    func advance(to target: Int) {
      while utf16Position < target, position < text.count {
        let next = text.scalar(at: position).next
        utf16Position += next - position == 4 ? 2 : 1
        position = next
      }
    }
    var previousEnd = -1
    var found: [NSRange] = []
    var reports = Self.leastReportLimit + length + length / 50
    expression.forEachMatch(in: string, reports: &reports) { range in
      found.append(range)
      return true
    }
    guard reports > 0 else {
      throw InputError(
        .unsupported, place: "the regular expression \(quoted(pattern))",
        "takes too long on a text of \(length) characters")
    }
    for range in found {
      advance(to: range.location)
      let start = position
      advance(to: range.location + range.length)
      if start < position || start != previousEnd { matches.append(start..<position) }
      previousEnd = position
    }
  }
}
