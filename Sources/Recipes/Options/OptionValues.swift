package import Diagnostics

/// What options are set to.
public struct OptionValues: Sendable, Equatable {
  private var values: [String: any OptionValue] = [:]

  package init() {}

  /// What the option is set to; nil if it is not.
  package subscript<Option: DeclaredOption>(_ option: Option) -> Option.Value? {
    get { values[option.name.property] as? Option.Value }
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

  /// Checks that every option has a meaning.
  ///
  /// - Parameter name: What an option is called in the error.
  package func check(naming name: (OptionName) -> String = \.description) throws(InputError) {
    for option in RunOptions.declared { try option.check(self, as: name(option.name)) }
  }

  /// Whether the same options are set to the same.
  public static func == (first: OptionValues, second: OptionValues) -> Bool {
    first.values.count == second.values.count
      && first.values.allSatisfy { name, value in
        second.values[name].map(value.isEqual) ?? false
      }
  }
}

/// A type that has every option of ``RunOptions`` as a property, which is nil where the option is not set.
@dynamicMemberLookup
public protocol OptionSettings {
  /// The options that are set.
  var values: OptionValues { get set }
}

extension OptionSettings {
  /// What an option is set to; nil if it is not.
  public subscript<Value, Resolved>(
    dynamicMember option: KeyPath<RunOptions, RunOption<Value, Resolved>>
  ) -> Value? {
    get { values[RunOptions.table[keyPath: option]] }
    set { values[RunOptions.table[keyPath: option]] = newValue }
  }
}
