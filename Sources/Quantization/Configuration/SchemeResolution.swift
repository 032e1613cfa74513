package import Diagnostics

/// Which scheme each linear layer of a model gets.
package struct SchemeResolution: Sendable {
  /// What is resolved.
  package enum Origin {
    /// A recipe, which says what is to be done.
    case recipe
    /// A checkpoint, which says what was done: read as compressed-tensors reads it, to the letter.
    case checkpoint
    /// A checkpoint whose entries are exceptions for layers that it may not have.
    case exceptions
  }

  /// By module name; layers that stay as they are have no entry.
  package let schemes: [String: QuantizationScheme]
  /// Ignore entries that match no module at all: worth a warning, since they are often misspelt.
  package let unmatchedIgnores: [String]
  /// Groups and targets that give no layer its scheme, and those that win only here: worth a warning.
  package let remarks: [String]

  /// Resolves targets and ignores.
  ///
  /// A module that any ignore entry matches keeps its weight, and so does one whose scheme leaves it as
  /// it is. Of several targets that match, ``LayerTarget`` says which one wins. Targets name linear
  /// layers: modules of other classes and containers never get a scheme.
  ///
  /// - Parameters:
  ///   - groups: Schemes with their names, for errors.
  ///   - ignore: Entries like targets.
  ///   - modules: All modules of the model that entries may mean.
  ///   - origin: Where groups and ignore stand.
  /// - Throws: `missing` for a target of a recipe that matches no linear layer, and for a group of a
  ///   checkpoint all of whose targets match none; `invalidValue` for an invalid pattern. The place is
  ///   the group and the target.
  package static func resolve(
    groups: [(name: String, scheme: QuantizationScheme)], ignore: [String],
    modules: [ModuleDescription], origin: Origin = .checkpoint
  ) throws(InputError) -> SchemeResolution {
    var ignoring: [ModuleMatcher] = []
    for (index, text) in ignore.enumerated() {
      ignoring.append(try matcher(text, place: "ignore[\(index)]"))
    }
    let linears = modules.filter(\.isLinear)
    var targets: [LayerTarget] = []
    for (order, group) in groups.enumerated() {
      var isMatched = false
      for (index, text) in group.scheme.targets.enumerated() {
        let place = "\(group.name).targets[\(index)]"
        let matcher = try matcher(text, place: place)
        let target = try LayerTarget(matcher, group: order, among: linears)
        targets.append(target)
        isMatched = isMatched || !target.layers.isEmpty
        // A checkpoint may name a layer twice: as its files do, and as a program does that loads it.
        let isLast = index == group.scheme.targets.count - 1
        if target.layers.isEmpty, origin == .recipe || origin == .checkpoint && isLast && !isMatched
        {
          throw unmatched(matcher, place: place, among: linears)
        }
      }
    }
    let contest = TargetContest(targets, prefersNarrower: origin == .recipe)

    var schemes: [String: QuantizationScheme] = [:]
    var winners = [Int?](repeating: nil, count: linears.count)
    var used: Set<Int> = []
    for (layer, module) in linears.enumerated() {
      guard let winner = contest.winner(of: layer) else { continue }
      winners[layer] = winner
      if try isIgnored(module, by: ignoring) { continue }
      used.insert(winner)
      let scheme = groups[targets[winner].group].scheme
      if !scheme.isUnquantized { schemes[module.name] = scheme }
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
    return SchemeResolution(
      schemes: schemes, unmatchedIgnores: unmatchedIgnores,
      remarks: origin == .recipe
        ? contest.remarks(names: groups.map(\.name), winners: winners, used: used) : [])
  }

  private static func isIgnored(
    _ module: ModuleDescription, by entries: [ModuleMatcher]
  ) throws(InputError) -> Bool {
    for entry in entries where try entry.match(module) != nil { return true }
    return false
  }

  private static func unmatched(
    _ matcher: ModuleMatcher, place: String, among linears: [ModuleDescription]
  ) -> InputError {
    let nearest = NearestName.suggestion(
      for: matcher.text, among: (linears.isEmpty ? [] : ["Linear"]) + linears.map(\.name))
    return InputError(
      .missing, place: place,
      "\(quoted(matcher.text)) matches no linear layer of the model"
        + (nearest.map { "; did you mean \(quoted($0))?" } ?? ""))
  }

  private static func matcher(_ text: String, place: String) throws(InputError) -> ModuleMatcher {
    do {
      return try ModuleMatcher(text)
    } catch {
      throw InputError(error.code, place: place, "\(quoted(text)) \(error.message)")
    }
  }
}
