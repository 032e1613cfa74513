package import Diagnostics
import Foundation

/// A target or ignore entry: a module's name, a class's name, or a pattern for names.
package struct ModuleMatcher {
  /// What a target says more or less exactly; the more exact one wins.
  package enum Kind: Int, Comparable {
    case name, pattern, className
    package static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }
  }

  package let text: String
  private let pattern: NSRegularExpression?

  /// - Parameter text: After `re:`, a regular expression that must match from the name's start on,
  ///   not necessarily to its end; else a name.
  package init(_ text: String) throws(InputError) {
    self.text = text
    guard text.hasPrefix("re:") else {
      pattern = nil
      return
    }
    // The only common notation that the expression engine does not share with Python's.
    let expression = text.dropFirst(3).replacingOccurrences(of: "(?P<", with: "(?<")
    do {
      pattern = try NSRegularExpression(pattern: expression)
    } catch {
      throw InputError(.invalidValue, place: quoted(text), "is not a regular expression")
    }
  }

  /// Reports of the engine that one name may take; a hundredth of a second.
  private static let reportLimit = 100

  /// How this matches a module, if it does.
  ///
  /// - Throws: `invalidValue` if a pattern takes too long.
  package func match(_ module: ModuleDescription) throws(InputError) -> Kind? {
    if let pattern {
      let limit = MatchLimit(reports: Self.reportLimit)
      let isFound = limit.matches(pattern, module.name)
      guard isFound || !limit.isReached else {
        throw InputError(
          .invalidValue, place: quoted(text), "takes too long on the name \(quoted(module.name))")
      }
      return isFound ? .pattern : nil
    }
    if module.name == text { return .name }
    return module.className == text ? .className : nil
  }
}
