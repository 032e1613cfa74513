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

  /// Reports of the engine, each after 10,000 steps, that one name may take; a hundredth of a second.
  private static let reportLimit = 100

  /// How this matches a module, if it does.
  ///
  /// - Throws: `invalidValue` if a pattern takes too long: there are some for which the engine takes time
  ///   without bound.
  package func match(_ module: ModuleDescription) throws(InputError) -> Kind? {
    if let pattern {
      let whole = NSRange(module.name.startIndex..., in: module.name)
      var (isFound, reports) = (false, 0)
      pattern.enumerateMatches(
        in: module.name, options: [.anchored, .reportProgress], range: whole
      ) { match, _, stop in
        if match != nil { isFound = true } else { reports += 1 }
        if isFound || reports == Self.reportLimit { stop.pointee = true }
      }
      guard isFound || reports < Self.reportLimit else {
        throw InputError(
          .invalidValue, place: quoted(text), "takes too long on the name \(quoted(module.name))")
      }
      return isFound ? .pattern : nil
    }
    if module.name == text { return .name }
    return module.className == text ? .className : nil
  }
}
