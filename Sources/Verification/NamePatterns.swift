import Diagnostics
import Foundation

/// `targets` or `ignore`: names of modules, patterns for them after `re:`, and the class of linear layers.
///
/// A pattern is a regular expression that matches from the name's beginning, not necessarily to its end.
struct NamePatterns {
  /// What an entry says, the more exact first.
  enum Kind: CaseIterable {
    case name, pattern, className
  }

  private var names: Set<String> = []
  private var expressions: [NSRegularExpression] = []
  private var hasClass = false
  private var limit = MatchLimit()

  init() {}

  init(
    _ entries: [String], _ place: String, _ limit: MatchLimit, _ report: inout VerificationReport
  ) {
    self.limit = limit
    for entry in entries {
      guard entry.hasPrefix("re:") else {
        if entry == "Linear" { hasClass = true } else { names.insert(entry) }
        continue
      }
      guard entry.utf8.count <= 2000 else {
        report.add(.contract, place, "\(quoted(entry)) is too long for a regular expression")
        continue
      }
      // Python's notation for groups with names. An expression may be empty, but not for this engine.
      let text = entry.dropFirst(3).replacingOccurrences(of: "(?P<", with: "(?<")
      guard let expression = try? NSRegularExpression(pattern: text.isEmpty ? "(?:)" : text) else {
        report.add(.contract, place, "\(quoted(entry)) is not a regular expression")
        continue
      }
      expressions.append(expression)
    }
  }

  /// Whether an entry of this kind matches.
  func matches(_ module: String, _ kind: Kind) -> Bool {
    switch kind {
    case .name: names.contains(module)
    case .pattern: expressions.contains { limit.matches($0, module) }
    case .className: hasClass
    }
  }
}

/// What all patterns of a checkpoint together may cost: after so many reports of the engine that it is still
/// at work, nothing more is matched.
final class MatchLimit {
  private var reports = 1001

  /// Whether something was given up.
  var isReached: Bool { reports <= 0 }

  func matches(_ expression: NSRegularExpression, _ text: String) -> Bool {
    guard !isReached else { return false }
    var isMatching = false
    expression.forEachMatch(in: text, options: .anchored, reports: &reports) { _ in
      isMatching = true
      return false
    }
    return isMatching
  }
}
