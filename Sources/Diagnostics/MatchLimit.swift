package import Foundation

/// What matching may cost, by default that of all patterns of a checkpoint together: after so many reports of the
/// engine that it is still at work, nothing more is matched.
package final class MatchLimit {
  private var reports: Int

  package init(reports: Int = 1001) { self.reports = reports }

  /// Whether something was given up.
  package var isReached: Bool { reports <= 0 }

  package func matches(_ expression: NSRegularExpression, _ text: String) -> Bool {
    guard !isReached else { return false }
    var isMatching = false
    expression.forEachMatch(in: text, options: .anchored, reports: &reports) { _ in
      isMatching = true
      return false
    }
    return isMatching
  }
}
