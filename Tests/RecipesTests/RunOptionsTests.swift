import Diagnostics
import Recipes
import Testing

@Suite struct RunOptionsTests {
  /// The name that an option is stored under is the property that programs see.
  @Test func namesAreProperties() {
    let labels = Mirror(reflecting: RunOptions.table).children.map(\.label)
    #expect(labels.count == 24)
    #expect(RunOptions.declared.map { $0.name.property } == labels)
    let flags = RunOptions.declared.flatMap {
      [$0.name.flag, $0.name.oppositeFlag].compactMap(\.self)
    }
    #expect(Set(flags).count == flags.count)
    #expect(flags.count == labels.count + 1)
  }

  @Test(arguments: [
    ("iters", "7"), ("lr", "0.25"), ("batch_size", "3"), ("enable_alg_ext", "true"),
    ("gradients", "full"), ("momentum", "0.5"), ("minmax_lr", "0.125"),
    ("gradient_accumulate_steps", "4"), ("minimum_expert_tokens", "64"),
    ("moe_calibrate_all_experts", "true"),
    ("quant_lm_head", "true"),
    ("disable_opt_rtn", "true"), ("bypass_divisibility_checks", "true"),
    ("short_samples", "pad"), ("loss_mask", "answers"), ("text_column", "body"),
    ("shuffle_calibration_samples", "true"),
  ])
  func everyKeyIsReadAndWritten(key: String, value: String) throws {
    let options = try Recipe("AutoRoundModifier: {\(key): \(value)}").autoRoundOptions()
    #expect(options != AutoRoundOptions())
    #expect(try Recipe(Recipe(options).yaml).autoRoundOptions() == options)
    let resolved = try ResolvedOptions(recipe: options)
    #expect(resolved != (try ResolvedOptions(recipe: AutoRoundOptions())))
    #expect(resolved.recipe.yaml.contains("\(key): \(value)"))
  }

  @Test func noKeyIsLeftOut() {
    #expect(RunOptions.declared.compactMap { $0.keyName }.count == 17)
  }

  /// `fast` is LLM Compressor's; ours is half of it.
  @Test func presets() {
    func settings(_ preset: TuningPreset) -> [Int] {
      [preset.batchSize, preset.iterations, preset.sequenceLength, preset.sampleCount]
    }
    #expect(TuningPreset.allCases.count == 5)
    #expect(settings(.default) == [8, 200, 2048, 128])
    #expect(settings(.best) == [8, 1000, 2048, 512])
    #expect(settings(.light) == [8, 50, 2048, 128])
    #expect(settings(.fast) == [4, 200, 512, 128])
    #expect(settings(.fastest) == [2, 200, 512, 128])
  }

  @Test func whatPresetsSayIsADefault() throws {
    #expect(RunOptions.table.iterations.summary.hasSuffix("(default: 200)"))
    #expect(RunOptions.table.learningRate.summary.hasSuffix("(default: 1/iterations)"))
    #expect(RunOptions.table.algorithm.summary.hasSuffix("(default: signround)"))
    #expect(
      try ResolvedOptions(overrides: OptionOverrides { $0.isModelFree = true }).iterations == 0)
  }
}
