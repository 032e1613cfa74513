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
      throw InputError(.invalidValue, place: text, "is not a regular expression")
    }
  }

  /// How this matches a module, if it does.
  package func match(_ module: ModuleDescription) -> Kind? {
    if let pattern {
      let whole = NSRange(module.name.startIndex..., in: module.name)
      let found = pattern.firstMatch(in: module.name, options: .anchored, range: whole)
      return found == nil ? nil : .pattern
    }
    if module.name == text { return .name }
    return module.className == text ? .className : nil
  }
}
