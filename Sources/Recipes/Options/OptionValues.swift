import Diagnostics

/// What options are set to.
struct OptionValues: Sendable, Equatable {
  private var values: [String: any OptionValue] = [:]

  /// What the option is set to; nil if it is not.
  subscript<Value, Resolved>(_ option: RunOption<Value, Resolved>) -> Value? {
    get { values[option.name.property] as? Value }
    set { values[option.name.property] = newValue }
  }

  /// These, and `others`, which win.
  func merging(_ others: OptionValues) -> OptionValues {
    var merged = self
    merged.values.merge(others.values) { $1 }
    return merged
  }

  /// Those that a recipe has to say.
  var ofRecipes: OptionValues {
    let names = RunOptions.declared.filter { $0.recipeMember(self) != nil }.map(\.name.property)
    var kept = self
    kept.values = values.filter { names.contains($0.key) }
    return kept
  }

  static func == (first: OptionValues, second: OptionValues) -> Bool {
    first.values.count == second.values.count
      && first.values.allSatisfy { name, value in
        second.values[name].map(value.isEqual) ?? false
      }
  }
}
