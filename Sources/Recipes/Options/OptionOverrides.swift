/// Options given directly, by flags or by a program; they go before the recipe.
///
/// ```swift
/// OptionOverrides { $0.iterations = 50 }
/// ```
public struct OptionOverrides: OptionSettings, Sendable, Equatable {
  /// A preset scheme for all linear layers.
  public var scheme: String?
  /// Modules that are left as they are, instead of those that the recipe names.
  public var ignore: [String]?
  /// What the options of ``RunOptions`` are set to.
  public var values = OptionValues()

  /// Creates overrides; all of them may be left out.
  public init(
    scheme: String? = nil, ignore: [String]? = nil,
    _ set: (inout OptionOverrides) -> Void = { _ in }
  ) {
    self.scheme = scheme
    self.ignore = ignore
    set(&self)
  }

  /// These and `others`, which win.
  func merging(_ others: OptionOverrides) -> OptionOverrides {
    var merged = self
    merged.scheme = others.scheme ?? scheme
    merged.ignore = others.ignore ?? ignore
    merged.values = values.merging(others.values)
    return merged
  }
}
