package import Foundation

extension NSRegularExpression {
  /// Looks for matches, and gives up where that takes too long: some expressions, `(a+)+$` for one, take time
  /// that doubles with each character, and whoever made a file chose both the expression and the text.
  ///
  /// - Parameters:
  ///   - reports: How often the engine may still report that it is at work, which it does after every 10,000
  ///     steps, a tenth of a millisecond, and may do at every character where it looks for a match. Not above
  ///     zero afterwards: it gave up.
  ///   - body: Takes the range of a match, and says whether to look for another.
  package func forEachMatch(
    in text: String, options: MatchingOptions = [], reports: inout Int,
    _ body: (NSRange) -> Bool
  ) {
    var left = reports
    withoutActuallyEscaping(body) { body in
      enumerateMatches(
        in: text, options: options.union(.reportProgress),
        range: NSRange(text.startIndex..., in: text)
      ) { match, _, stop in
        var goesOn = true
        if let match { goesOn = body(match.range) } else { left -= 1 }
        if !goesOn || left <= 0 { stop.pointee = true }
      }
    }
    reports = left
  }
}
