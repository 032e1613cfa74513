package import Foundation

/// What all patterns of a checkpoint together may cost: after so many reports of the engine that it is still
/// at work, nothing more is matched.
package final class MatchLimit {
  private var reports = 1001

  package init() {}

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
