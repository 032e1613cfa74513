public import Compute
import Diagnostics
public import Quantization

/// The options of a run with nothing left open.
///
/// They never change. Others are made of them by ``overriding(_:)``, which checks them again. Options are equal where a
/// run with them is the same, whatever they were decided from.
public struct ResolvedOptions: Sendable, Equatable {
  /// The schemes with their targets.
  public let groups: [AutoRoundOptions.ConfigGroup]
  /// Modules that are left as they are; a match here wins over every target.
  public let ignore: [String]
  /// How keys and values are quantized; nil for not at all.
  public let keyValueCacheScheme: QuantizationArguments?
  /// Steps of tuning per block; 0 rounds without tuning.
  public let iterations: Int
  /// The learning rate of the first step.
  public let learningRate: LearningRate
  /// Samples per step.
  public let batchSize: Int
  /// Calibration samples.
  public let sampleCount: Int
  /// Tokens per calibration sample.
  public let sequenceLength: Int
  /// Whether ``sequenceLength`` was asked for. A default is cut to the positions that a model has.
  public let isSequenceLengthGiven: Bool
  /// The seed of the batch order.
  public let seed: Int
  /// How weights are tuned.
  public let algorithm: TuningAlgorithm
  /// How precise gradients of linear layers are; nil: as the compute type has it.
  public let gradients: GradientPrecision?
  /// What stays of the gradients of earlier steps, from 0 up to 1.
  public let momentum: Double
  /// What becomes of the head.
  public let head: HeadTreatment
  /// What has decided about the head, as its user knows it.
  package let headSource: String
  /// Whether weights are rounded as they lie in the files, without running the model. It is so without
  /// being asked for where there are no iterations and the architecture is not known.
  public let isModelFree: Bool
  /// With no iterations: round to nearest plainly, without a search for better scales.
  public let disablesOptimizedRounding: Bool
  /// Accept layers whose width is not a multiple of the group size.
  public let bypassesDivisibilityChecks: Bool
  /// All of them as a recipe has them.
  private let recorded: AutoRoundOptions
  private let origin: Origin

  /// Decides every option. The first of these that says something counts:
  ///
  /// 1. `overrides`: what was asked for directly.
  /// 2. `recipe`.
  /// 3. `preset`, for iterations, learning rate, samples and sequence length.
  /// 4. The defaults: scheme `W4A16` for `Linear` layers, without `lm_head` if there is no recipe
  ///    (a recipe ignores only what it names); batches of 8 samples; seed 42.
  ///
  /// - Throws: `InputError` for a number that has no meaning, or a scheme that is not known or
  ///   not supported.
  public init(
    overrides: OptionOverrides = OptionOverrides(), recipe: AutoRoundOptions? = nil,
    preset: TuningPreset = .default
  ) throws {
    try overrides.check()
    origin = Origin(overrides: overrides, recipe: recipe, preset: preset)
    var options = recipe ?? AutoRoundOptions(ignore: ["lm_head"])
    if let scheme = overrides.scheme {
      options.scheme = .preset(scheme)
      options.targets = ["Linear"]
    }
    var scheme = options.scheme ?? .preset("W4A16")
    var groups = try scheme.groups(targets: options.targets)
    if let size = overrides.groupSize {
      groups = try groups.withGroups(of: size)
      scheme = .groups(groups)
    }
    for group in groups {
      try group.scheme.requireSupported(path: "config_groups.\(group.name)")
    }
    self.groups = groups
    head = overrides.head ?? options.head ?? .keep
    headSource = overrides.head == nil ? "quant_lm_head" : OptionName.head.description
    var ignore = overrides.ignore ?? options.ignore
    // Quantizing the head drops the usual `lm_head` entry, unless `ignore` itself was overridden.
    if head == .quantize, overrides.ignore == nil { ignore.removeAll { $0 == "lm_head" } }
    self.ignore = ignore
    do throws(InputError) {
      try options.keyValueCacheScheme?.requireKeyValues()
      try options.keyValueCacheScheme?.requireKeysInUse()
    } catch {
      throw error.below("kv_cache_scheme")
    }
    keyValueCacheScheme = options.keyValueCacheScheme
    isModelFree = overrides.isModelFree ?? false
    iterations =
      overrides.iterations ?? options.iterations ?? (isModelFree ? 0 : preset.iterations)
    let fixedRate = overrides.learningRate ?? options.learningRate
    learningRate = fixedRate.map(LearningRate.fixed) ?? preset.learningRate
    batchSize = overrides.batchSize ?? options.batchSize ?? preset.batchSize
    sampleCount = overrides.sampleCount ?? preset.sampleCount
    sequenceLength = overrides.sequenceLength ?? preset.sequenceLength
    isSequenceLengthGiven = overrides.sequenceLength != nil
    if isModelFree, iterations > 0 {
      throw InputError(
        .invalidValue, place: "model-free",
        "found \(iterations) iterations, expected 0: tuning needs to run the model")
    }
    seed = overrides.seed ?? 42
    algorithm = overrides.algorithm ?? options.algorithm ?? .signRound
    gradients = overrides.gradients ?? options.gradients
    momentum = overrides.momentum ?? options.momentum ?? 0
    disablesOptimizedRounding =
      overrides.disablesOptimizedRounding ?? options.disablesOptimizedRounding ?? false
    bypassesDivisibilityChecks = options.bypassesDivisibilityChecks ?? false

    options.scheme = scheme
    options.ignore = ignore
    options.iterations = iterations
    if case .fixed(let rate) = learningRate { options.learningRate = rate }
    options.batchSize = batchSize
    options.algorithm = algorithm == .signRound ? nil : algorithm
    options.gradients = gradients
    options.momentum = momentum == 0 ? nil : momentum
    options.head = head == .keep ? nil : head
    options.disablesOptimizedRounding = disablesOptimizedRounding
    options.bypassesDivisibilityChecks = bypassesDivisibilityChecks
    recorded = options
  }

  /// These options with others in their place, decided and checked as if they had been asked for at first.
  ///
  /// - Throws: As ``init(overrides:recipe:preset:)`` does.
  public func overriding(_ overrides: OptionOverrides) throws -> ResolvedOptions {
    try ResolvedOptions(
      overrides: origin.overrides.merging(overrides), recipe: origin.recipe, preset: origin.preset)
  }

  /// The modifier's arguments as a recipe, to be written beside the output.
  public var recipe: Recipe { Recipe(recorded) }

  /// The schemes as they were asked for: a preset, presets with their targets, or groups.
  public var scheme: AutoRoundOptions.SchemeSelection? { recorded.scheme }

  /// What options were decided from.
  private struct Origin: Sendable, Equatable {
    var overrides: OptionOverrides
    var recipe: AutoRoundOptions?
    var preset: TuningPreset

    static func == (first: Origin, second: Origin) -> Bool { true }
  }
}

extension ResolvedOptions {
  /// How precise gradients are in programs of this type, for a model with this many elements in a hidden state.
  ///
  /// - Throws: `unsupported` if the processor cannot do what was asked for.
  package func gradientPrecision(
    for compute: ComputeType, hiddenSize: Int
  ) throws -> GradientPrecision {
    guard let gradients else { return .automatic(for: compute, hiddenSize: hiddenSize) }
    guard gradients.isAvailable else {
      throw InputError(
        .unsupported, place: "gradients",
        "this processor has no \(gradients.rawValue) products (AVX-512 VNNI); expected full")
    }
    return gradients
  }

  /// The schemes in one line, such as `4-bit int symmetric, groups of 128`.
  public var schemeSummary: String {
    let schemes = groups.map(\.scheme.summary)
    let summary =
      schemes.count == 1
      ? schemes[0]
      : zip(groups, schemes).map { "\($0.name): \($1)" }.joined(separator: "; ")
    return summary + (keyValueCacheScheme.map { "; keys and values: \($0.text)" } ?? "")
  }
}

extension [AutoRoundOptions.ConfigGroup] {
  /// The groups with another size for integer weights that share a scale.
  fileprivate func withGroups(of size: Int) throws(InputError) -> Self {
    var groups = self
    for index in groups.indices {
      guard var weights = groups[index].scheme.weights, weights.type == .int,
        weights.strategy == .group
      else { continue }
      weights.groupSize = size
      groups[index].scheme.weights = weights
    }
    guard
      groups.contains(where: {
        $0.scheme.weights?.strategy == .group && $0.scheme.weights?.type == .int
      })
    else {
      throw InputError(
        .invalidValue, source: OptionName.groupSize.description,
        "no scheme has integer weights in groups, which are what it is about")
    }
    return groups
  }
}

extension AutoRoundOptions.SchemeSelection {
  /// The schemes spelled out. `targets` are those of a preset that has none of its own.
  fileprivate func groups(targets: [String]) throws -> [AutoRoundOptions.ConfigGroup] {
    let presets: [AutoRoundOptions.PresetTargets]
    switch self {
    case .groups(let groups): return groups
    case .preset(let name): presets = [.init(preset: name, targets: targets)]
    case .presets(let named): presets = named
    }
    return try presets.enumerated().map { index, preset in
      .init(
        name: "group_\(index)",
        scheme: try .preset(named: preset.preset, targets: preset.targets))
    }
  }
}
