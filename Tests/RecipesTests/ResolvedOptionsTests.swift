import Diagnostics
import Quantization
import Recipes
import TestSupport
import Testing

@Suite struct ResolvedOptionsTests {
  @Test func defaults() throws {
    let options = try ResolvedOptions()
    #expect(options.groups.map(\.name) == ["group_0"])
    #expect(options.groups[0].scheme == (try .preset(named: "W4A16", targets: ["Linear"])))
    #expect(options.ignore == ["lm_head"])
    #expect(options.iterations == 200)
    #expect(options.learningRate == .automatic)
    #expect(options.batchSize == 8)
    #expect(options.sampleCount == 128)
    #expect(options.sequenceLength == 2048)
    #expect(options.seed == 42)
    #expect(!options.disablesOptimizedRounding)
    #expect(!options.bypassesDivisibilityChecks)
    #expect(
      try options.recipe.autoRoundOptions()
        == AutoRoundOptions(scheme: .preset("W4A16"), ignore: ["lm_head"]) {
          $0.iterations = 200
          $0.batchSize = 8
          $0.disablesOptimizedRounding = false
          $0.bypassesDivisibilityChecks = false
        })
  }

  @Test func flagBeforeRecipeBeforePresetBeforeDefault() throws {
    let recipe = AutoRoundOptions(scheme: .preset("W8A16"), targets: ["q_proj"], ignore: ["a"]) {
      $0.iterations = 10
      $0.learningRate = 0.1
      $0.batchSize = 2
      $0.disablesOptimizedRounding = true
    }
    let overrides = OptionOverrides(scheme: "W2A16", ignore: ["b"]) {
      $0.iterations = 0
      $0.learningRate = 0.2
      $0.batchSize = 3
      $0.sampleCount = 4
      $0.sequenceLength = 5
      $0.seed = 6
    }

    let all = try ResolvedOptions(overrides: overrides, recipe: recipe, preset: .light)
    #expect(all.groups[0].scheme == (try .preset(named: "W2A16", targets: ["Linear"])))
    #expect(all.ignore == ["b"])
    #expect(all.iterations == 0)
    #expect(all.learningRate == .fixed(0.2))
    #expect(all.batchSize == 3)
    #expect(all.sampleCount == 4)
    #expect(all.sequenceLength == 5)
    #expect(all.seed == 6)
    #expect(all.disablesOptimizedRounding)

    let withoutFlags = try ResolvedOptions(recipe: recipe, preset: .best)
    #expect(withoutFlags.groups[0].scheme == (try .preset(named: "W8A16", targets: ["q_proj"])))
    #expect(withoutFlags.ignore == ["a"])
    #expect(withoutFlags.iterations == 10)
    #expect(withoutFlags.learningRate == .fixed(0.1))
    #expect(withoutFlags.batchSize == 2)
    #expect(withoutFlags.sampleCount == 512)

    let presetOnly = try ResolvedOptions(preset: .light)
    #expect(presetOnly.iterations == 50)
    #expect(presetOnly.learningRate == .fixed(0.005))
    #expect(try presetOnly.recipe.autoRoundOptions().learningRate == 0.005)

    // A recipe that says nothing about it ignores nothing.
    #expect(try ResolvedOptions(recipe: AutoRoundOptions()).ignore == [])
  }

  @Test func presetsBySchemes() throws {
    let recipe = AutoRoundOptions(
      scheme: .presets([
        .init(preset: "W4A16", targets: ["a"]), .init(preset: "W2A16", targets: ["b", "c"]),
      ]))
    let groups = try ResolvedOptions(recipe: recipe).groups
    #expect(groups.map(\.name) == ["group_0", "group_1"])
    #expect(groups.map(\.scheme.targets) == [["a"], ["b", "c"]])
    #expect(groups.map(\.scheme.weights?.bitCount) == [4, 2])
  }

  @Test func refusesUnsupportedGroups() {
    let weights = QuantizationArguments(bitCount: 4, type: .float, strategy: .channel)
    let scheme = QuantizationScheme(targets: ["Linear"], weights: weights)
    let recipe = AutoRoundOptions(scheme: .groups([.init(name: "g", scheme: scheme)]))
    let error = #expect(throws: InputError.self) { try ResolvedOptions(recipe: recipe) }
    #expect(error?.code == .unsupported)
    #expect(error?.place == "config_groups.g.weights.group_size")
  }

  @Test(arguments: [
    (
      OptionOverrides { $0.iterations = -1 },
      "iterations must be a whole number from 0 to 1000000; it is -1"
    ),
    (
      OptionOverrides { $0.batchSize = 0 },
      "batchSize must be a whole number from 1 to 65536; it is 0"
    ),
    (
      OptionOverrides { $0.sampleCount = -5 },
      "sampleCount must be a whole number from 1 to 1000000; it is -5"
    ),
    (
      OptionOverrides { $0.sequenceLength = .max },
      "sequenceLength must be a whole number from 1 to 1048576; it is \(Int.max)"
    ),
    (
      OptionOverrides { $0.seed = -1 }, "seed must be a whole number from 0 to 4294967295; it is -1"
    ),
    (
      OptionOverrides { $0.learningRate = .nan },
      "learningRate must be a number above 0; it is nan"
    ),
    (OptionOverrides { $0.learningRate = 0 }, "learningRate must be a number above 0; it is 0.0"),
    (
      OptionOverrides { $0.learningRate = .infinity },
      "learningRate must be a number above 0; it is inf"
    ),
  ])
  func refusesNumbers(overrides: OptionOverrides, message: String) {
    let error = #expect(throws: InputError.self) { try ResolvedOptions(overrides: overrides) }
    #expect(error?.message == message)
  }

  @Test func summaries() throws {
    #expect(try ResolvedOptions().schemeSummary == "4-bit int symmetric, groups of 128")
    let recipe = try Recipe(
      """
      AutoRoundModifier:
        config_groups:
          mlp: {targets: [a], weights: {num_bits: 2, symmetric: false, group_size: 32}}
          attention: {targets: [b], weights: {num_bits: 8, strategy: channel}}
      """)
    let options = try ResolvedOptions(recipe: recipe.autoRoundOptions())
    #expect(
      options.schemeSummary
        == "mlp: 2-bit int asymmetric, groups of 32; attention: 8-bit int symmetric, per channel")
    #expect("\(LearningRate.automatic)" == "1/iterations")
    #expect("\(LearningRate.fixed(0.005))" == "0.005")
  }

  @Test(arguments: [
    (4, 200, 0.005), (2, 200, 0.005), (4, 1000, 0.001), (3, 1000, 0.002), (2, 999, 1.0 / 999),
    (2, 0, 0),
  ])
  func automaticLearningRate(bitCount: Int, iterations: Int, rate: Double) {
    #expect(LearningRate.automatic.value(bitCount: bitCount, iterations: iterations) == rate)
    #expect(LearningRate.fixed(0.3).value(bitCount: bitCount, iterations: iterations) == 0.3)
  }

  /// What a program puts together is checked like what a recipe says, with the key as the place.
  @Test func namesTheKeyOfKeysAndValues() {
    let scheme = QuantizationArguments(bitCount: 8, strategy: .tensor)
    let error = expectInputError(.unsupported) {
      try ResolvedOptions(recipe: AutoRoundOptions(keyValueCacheScheme: scheme))
    }
    #expect(error?.place == "kv_cache_scheme.type")
  }
}
