import CPU
import Compute
import Diagnostics
public import Quantization
package import Recordings

/// The options of a run with nothing left open.
///
/// They never change. Others are made of them by ``overriding(_:)``, which checks them again. Options are equal where a
/// run with them is the same, whatever they were decided from.
@dynamicMemberLookup
public struct ResolvedOptions: Sendable, Equatable {
  /// The schemes with their targets.
  public let groups: [AutoRoundOptions.ConfigGroup]
  /// Modules that are left as they are; a match here wins over every target.
  public let ignore: [String]
  /// How keys and values are quantized; nil for not at all.
  public let keyValueCacheScheme: QuantizationArguments?
  /// Whether ``RunOptions/sequenceLength`` was asked for. A default is cut to the positions that a model has.
  public let isSequenceLengthGiven: Bool
  /// What has decided about the head, as its user knows it.
  package let headSource: String
  /// What every option is set to that does not depend on more than is known here.
  private let values: OptionValues
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
  /// - Throws: `InputError` for an option outside of its range, wherever it was set, or a scheme that is not known or
  ///   not supported.
  public init(
    overrides: OptionOverrides = OptionOverrides(), recipe: AutoRoundOptions? = nil,
    preset: TuningPreset = .default
  ) throws {
    origin = Origin(overrides: overrides, recipe: recipe, preset: preset)
    var options = recipe ?? AutoRoundOptions(ignore: ["lm_head"])
    var values = options.values.merging(overrides.values)
    try values.check()
    isSequenceLengthGiven = values[RunOptions.table.sequenceLength] != nil
    let inNumbers = overrides.values.presetInNumbers == nil ? nil : values.presetInNumbers
    if let preset = overrides.scheme ?? inNumbers {
      options.scheme = .preset(preset)
      options.targets = ["Linear"]
    }
    var scheme = options.scheme ?? .preset(values.presetInNumbers ?? "W4A16")
    var groups = try scheme.groups(targets: options.targets)
    try values.requireAgreement(with: groups, preset: overrides.scheme)
    if let size = values[RunOptions.table.groupSize] { groups = try groups.withGroups(of: size) }
    if values.haveScheme { scheme = .groups(groups) }
    values = values.withoutScheme
    for group in groups {
      try group.scheme.requireSupported(path: "config_groups.\(group.name)")
    }
    self.groups = groups
    let (iterations, modelFree) = (RunOptions.table.iterations, RunOptions.table.isModelFree)
    if values[modelFree] == true {
      let count = values[iterations] ?? 0
      guard count == 0 else {
        throw InputError(
          .invalidValue, place: modelFree.name.description,
          "found \(count) iterations, expected 0: tuning needs to run the model")
      }
      values[iterations] = 0
    }
    for option in RunOptions.declared { option.settle(&values, preset: preset) }
    self.values = values
    headSource = overrides.head == nil ? "quant_lm_head" : OptionName.head.description
    var ignore = overrides.ignore ?? options.ignore
    // Quantizing the head drops the usual `lm_head` entry, unless `ignore` itself was overridden.
    if values[RunOptions.table.head] == .quantize, overrides.ignore == nil {
      ignore.removeAll { $0 == "lm_head" }
    }
    self.ignore = ignore
    do throws(InputError) {
      try options.keyValueCacheScheme?.requireKeyValues()
      try options.keyValueCacheScheme?.requireKeysInUse()
    } catch {
      throw error.below("kv_cache_scheme")
    }
    keyValueCacheScheme = options.keyValueCacheScheme

    options.scheme = scheme
    options.ignore = ignore
    options.values = values.ofRecipes
    recorded = options
  }

  /// What an option is set to, or its default.
  public subscript<Value, Resolved>(
    dynamicMember option: KeyPath<RunOptions, RunOption<Value, Resolved>>
  ) -> Resolved {
    let option = RunOptions.table[keyPath: option]
    return option.resolve(values[option], .default)
  }

  /// The names and values by which runs are compared.
  package var fingerprint: [(name: String, value: String)] {
    RunOptions.declared.compactMap { $0.fingerprintEntry(values) }
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
    guard let gradients = self.gradients else {
      return .automatic(for: compute, hiddenSize: hiddenSize)
    }
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
