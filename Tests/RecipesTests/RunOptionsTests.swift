import Diagnostics
import Recipes
import Testing

@Suite struct RunOptionsTests {
  /// The name that an option is stored under is the property that programs see.
  @Test func namesAreProperties() {
    let labels = Mirror(reflecting: RunOptions.table).children.map(\.label)
    #expect(labels.count == 16)
    #expect(RunOptions.declared.map { $0.name.property } == labels)
    #expect(Set(RunOptions.declared.map { $0.name.flag }).count == labels.count)
  }

  @Test(arguments: [
    ("iters", "7"), ("lr", "0.25"), ("batch_size", "3"), ("enable_alg_ext", "true"),
    ("gradients", "full"), ("momentum", "0.5"), ("minimum_expert_tokens", "64"),
    ("moe_calibrate_all_experts", "true"),
    ("quant_lm_head", "true"),
    ("disable_opt_rtn", "true"), ("bypass_divisibility_checks", "true"),
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
    #expect(RunOptions.declared.compactMap { $0.keyName }.count == 11)
  }

  @Test func whatPresetsSayIsADefault() throws {
    #expect(RunOptions.table.iterations.summary.hasSuffix("(default: 200)"))
    #expect(RunOptions.table.learningRate.summary.hasSuffix("(default: 1/iterations)"))
    #expect(RunOptions.table.algorithm.summary.hasSuffix("(default: signround)"))
    #expect(
      try ResolvedOptions(overrides: OptionOverrides { $0.isModelFree = true }).iterations == 0)
  }
}
