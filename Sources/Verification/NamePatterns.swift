import Diagnostics
import Foundation

/// `ignore`: names of modules, patterns for them after `re:`, and the class of linear layers.
///
/// A pattern is a regular expression that matches from the name's beginning, not necessarily to its end.
struct NamePatterns {
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
      if entry.hasPrefix("re:") {
        if let expression = Self.expression(entry, place, &report) {
          expressions.append(expression)
        }
      } else if entry == Self.linear {
        hasClass = true
      } else {
        names.insert(entry)
      }
    }
  }

  /// The class of linear layers.
  static let linear = "Linear"

  /// The regular expression of an entry; nil, and a finding, if it is none.
  static func expression(
    _ entry: String, _ place: String, _ report: inout VerificationReport
  ) -> NSRegularExpression? {
    guard entry.utf8.count <= 2000 else {
      report.add(.contract, place, "\(quoted(entry)) is too long for a regular expression")
      return nil
    }
    // Python's notation for groups with names. An expression may be empty, but not for this engine.
    let text = entry.dropFirst(3).replacingOccurrences(of: "(?P<", with: "(?<")
    guard let expression = try? NSRegularExpression(pattern: text.isEmpty ? "(?:)" : text) else {
      report.add(.contract, place, "\(quoted(entry)) is not a regular expression")
      return nil
    }
    return expression
  }

  /// Whether an entry matches.
  func matches(_ module: String) -> Bool {
    hasClass || names.contains(module) || expressions.contains { limit.matches($0, module) }
  }
}
