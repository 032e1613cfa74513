public import JSONText
public import Quantization

/// The arguments of an `AutoRoundModifier` as they were given. What was not given is nil, or empty,
/// and is filled in by ``ResolvedOptions``.
public struct AutoRoundOptions: OptionSettings, Sendable, Equatable {
  /// Which schemes the layers get.
  public enum SchemeSelection: Sendable, Equatable {
    /// One preset for all of ``AutoRoundOptions/targets``, such as `W4A16`. Key: `scheme`.
    case preset(String)
    /// Presets with the targets of each. Key: `scheme`, with a mapping.
    case presets([PresetTargets])
    /// Schemes spelled out. Key: `config_groups`.
    case groups([ConfigGroup])
  }

  /// A preset and what it applies to.
  public struct PresetTargets: Sendable, Equatable {
    /// The preset's name.
    public var preset: String
    /// Names of modules or classes, or patterns that begin with `re:`.
    public var targets: [String]
    /// Creates a pair.
    public init(preset: String, targets: [String]) {
      self.preset = preset
      self.targets = targets
    }
  }

  /// A named scheme with its targets.
  public struct ConfigGroup: Sendable, Equatable {
    /// The group's name, such as `group_0`.
    public var name: String
    /// The scheme; its targets are part of it.
    public var scheme: QuantizationScheme
    /// Creates a group.
    public init(name: String, scheme: QuantizationScheme) {
      self.name = name
      self.scheme = scheme
    }
  }

  /// Keys: `scheme` or `config_groups`, which exclude each other.
  public var scheme: SchemeSelection?
  /// What ``SchemeSelection/preset(_:)`` applies to. Key: `targets`.
  public var targets: [String]
  /// Modules that are left as they are; a match here wins over every target. Key: `ignore`.
  public var ignore: [String]
  /// How keys and values are quantized: as 8-bit floats with one scale each for a layer. Key:
  /// `kv_cache_scheme`.
  public var keyValueCacheScheme: QuantizationArguments?
  /// Arguments without effect on this algorithm, which has no observers; they are kept for the
  /// recipe that is written beside the output. Keys: `observer`, `weight_observer`, ….
  public var observers: [JSONValue.Member]

  /// What the options of ``RunOptions`` are set to.
  public var values = OptionValues()

  /// Creates options; all of them may be left out.
  ///
  /// ```swift
  /// AutoRoundOptions(scheme: .preset("W4A16")) { $0.iterations = 50 }
  /// ```
  ///
  /// - Parameter set: Sets options of ``RunOptions``; those that a recipe has no key for are not written into one.
  public init(
    scheme: SchemeSelection? = nil, targets: [String] = ["Linear"], ignore: [String] = [],
    keyValueCacheScheme: QuantizationArguments? = nil, observers: [JSONValue.Member] = [],
    _ set: (inout AutoRoundOptions) -> Void = { _ in }
  ) {
    self.scheme = scheme
    self.targets = targets
    self.ignore = ignore
    self.keyValueCacheScheme = keyValueCacheScheme
    self.observers = observers
    set(&self)
  }
}
