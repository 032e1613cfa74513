public import Compute
public import JSONText
public import Quantization

/// The arguments of an `AutoRoundModifier` as they were given. What was not given is nil, or empty,
/// and is filled in by ``ResolvedOptions``.
public struct AutoRoundOptions: Sendable, Equatable {
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
  /// Steps of tuning per block; 0 rounds without tuning. Key: `iters`.
  public var iterations: Int?
  /// The learning rate of the first step. Key: `lr`.
  public var learningRate: Double?
  /// Samples per step. Key: `batch_size`.
  public var batchSize: Int?
  /// How precise gradients of linear layers are. Key: `gradients`.
  public var gradients: GradientPrecision?
  /// What stays of the gradients of earlier steps, from 0 up to 1. Key: `momentum`.
  public var momentum: Double?
  /// How weights are tuned. Key: `enable_alg_ext`, true for ``TuningAlgorithm/signRoundV2``.
  public var algorithm: TuningAlgorithm?
  /// What becomes of the head. Key: `quant_lm_head`, true for ``HeadTreatment/quantize``.
  public var head: HeadTreatment?
  /// With no iterations: round to nearest plainly, without a search for better scales. Key:
  /// `disable_opt_rtn`.
  public var disablesOptimizedRounding: Bool?
  /// Accept layers whose width is not a multiple of the group size. Key:
  /// `bypass_divisibility_checks`.
  public var bypassesDivisibilityChecks: Bool?
  /// Arguments without effect on this algorithm, which has no observers; they are kept for the
  /// recipe that is written beside the output. Keys: `observer`, `weight_observer`, ….
  public var observers: [JSONValue.Member]

  /// Creates options; all of them may be left out.
  public init(
    scheme: SchemeSelection? = nil, targets: [String] = ["Linear"], ignore: [String] = [],
    keyValueCacheScheme: QuantizationArguments? = nil, iterations: Int? = nil,
    learningRate: Double? = nil, batchSize: Int? = nil, gradients: GradientPrecision? = nil,
    momentum: Double? = nil, algorithm: TuningAlgorithm? = nil, head: HeadTreatment? = nil,
    disablesOptimizedRounding: Bool? = nil,
    bypassesDivisibilityChecks: Bool? = nil,
    observers: [JSONValue.Member] = []
  ) {
    self.scheme = scheme
    self.targets = targets
    self.ignore = ignore
    self.keyValueCacheScheme = keyValueCacheScheme
    self.iterations = iterations
    self.learningRate = learningRate
    self.batchSize = batchSize
    self.gradients = gradients
    self.momentum = momentum
    self.algorithm = algorithm
    self.head = head
    self.disablesOptimizedRounding = disablesOptimizedRounding
    self.bypassesDivisibilityChecks = bypassesDivisibilityChecks
    self.observers = observers
  }
}
