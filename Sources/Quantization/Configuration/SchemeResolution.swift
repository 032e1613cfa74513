package import Diagnostics

/// Which scheme each linear layer of a model gets.
package struct SchemeResolution: Sendable {
  /// By module name; layers that stay as they are have no entry.
  package let schemes: [String: QuantizationScheme]
  /// Ignore entries that match no module at all: worth a warning, since they are often misspelt.
  package let unmatchedIgnores: [String]

  /// Resolves targets and ignores.
  ///
  /// A module that any ignore entry matches keeps its weight, and so does one whose scheme leaves it as
  /// it is. Of several targets that match, a full
  /// name wins over patterns and patterns over class names; among equals the first in alphabetical
  /// order wins, and of the same target in two groups the later group. Targets name linear layers:
  /// modules of other classes and containers never get a scheme.
  ///
  /// - Parameters:
  ///   - groups: Schemes with their names, for errors.
  ///   - ignore: Entries like targets.
  ///   - modules: All modules of the model that entries may mean.
  /// - Throws: `missing` for a target that matches no linear layer; `invalidValue` for a pattern
  ///   that is none. The place is the group and the target.
  package static func resolve(
    groups: [(name: String, scheme: QuantizationScheme)], ignore: [String],
    modules: [ModuleDescription]
  ) throws(InputError) -> SchemeResolution {
    var ignoring: [ModuleMatcher] = []
    for (index, text) in ignore.enumerated() {
      ignoring.append(try matcher(text, place: "ignore[\(index)]"))
    }
    var targets: [Target] = []
    for (order, group) in groups.enumerated() {
      for (index, text) in group.scheme.targets.enumerated() {
        let place = "\(group.name).targets[\(index)]"
        targets.append(
          Target(
            matcher: try matcher(text, place: place), scheme: group.scheme, order: order,
            place: place))
      }
    }

    let linears = modules.filter(\.isLinear)
    var schemes: [String: QuantizationScheme] = [:]
    var isMatched = [Bool](repeating: false, count: targets.count)
    for module in linears {
      var winner: (kind: ModuleMatcher.Kind, target: Target)?
      for (index, target) in targets.enumerated() {
        guard let kind = try target.matcher.match(module) else { continue }
        isMatched[index] = true
        if winner.map({ target.precedes($0.target, kind, $0.kind) }) ?? true {
          winner = (kind, target)
        }
      }
      if let scheme = winner?.target.scheme, !scheme.isUnquantized,
        try !isIgnored(module, by: ignoring)
      {
        schemes[module.name] = scheme
      }
    }
    if let unmatched = isMatched.firstIndex(of: false) {
      let target = targets[unmatched]
      let nearest = NearestName.suggestion(
        for: target.matcher.text,
        among: (linears.isEmpty ? [] : ["Linear"]) + linears.map(\.name))
      throw InputError(
        .missing, place: target.place,
        "\(quoted(target.matcher.text)) matches no linear layer of the model"
          + (nearest.map { "; did you mean \(quoted($0))?" } ?? ""))
    }
    var unmatchedIgnores: [String] = []
    for entry in ignoring {
      var isMatched = false
      for module in modules where try entry.match(module) != nil {
        isMatched = true
        break
      }
      if !isMatched { unmatchedIgnores.append(entry.text) }
    }
    return SchemeResolution(schemes: schemes, unmatchedIgnores: unmatchedIgnores)
  }

  private static func isIgnored(
    _ module: ModuleDescription, by entries: [ModuleMatcher]
  ) throws(InputError) -> Bool {
    for entry in entries where try entry.match(module) != nil { return true }
    return false
  }

  private struct Target {
    let matcher: ModuleMatcher
    let scheme: QuantizationScheme
    let order: Int
    let place: String

    func precedes(
      _ other: Target, _ kind: ModuleMatcher.Kind, _ otherKind: ModuleMatcher.Kind
    ) -> Bool {
      if kind != otherKind { return kind < otherKind }
      if matcher.text != other.matcher.text { return matcher.text < other.matcher.text }
      return order > other.order
    }
  }

  private static func matcher(_ text: String, place: String) throws(InputError) -> ModuleMatcher {
    do {
      return try ModuleMatcher(text)
    } catch {
      throw InputError(error.code, place: place, "\(quoted(text)) \(error.message)")
    }
  }
}
