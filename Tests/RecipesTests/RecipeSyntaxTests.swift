import Diagnostics
import Quantization
import Recipes
import Testing

/// What YAML can do to a recipe before its keys are looked at.
@Suite struct RecipeSyntaxTests {
  @Test(arguments: [
    ("", "the recipe is empty"), ("\n# only a comment\n", "the recipe is empty"),
    ("---\n", "the recipe is empty"), ("null", "the recipe is empty"),
    ("just text", "a recipe: expected keys with values, found the text 'just text'"),
    ("[]", "a recipe: expected keys with values, found a list"),
    ("42", "a recipe: expected keys with values, found the number 42"),
    ("{}", "the recipe has no modifier"),
    ("a_stage:\n\tmodifiers: {}", "line 2, column 1: not YAML: while scanning for the next token"),
    ("AutoRoundModifier: {iters: 1", "not YAML"),
    ("AutoRoundModifier: {iters: 1, iters: 2}", "'iters' is written more than once"),
    ("AutoRoundModifier:\n  iters: 1\n  \"iters\": 2", "'iters' is written more than once"),
    ("AutoRoundModifier: {}\n---\nAutoRoundModifier: {}", "found another document"),
    ("? [a, b]\n: 1", "line 1, column 3: a key must be text"),
    ("AutoRoundModifier: *nobody", "found undefined alias"),
    (
      "AutoRoundModifier: !!python/object:os.system {}",
      "the tag 'tag:yaml.org,2002:python/object:os.system'"
    ),
    ("AutoRoundModifier: {iters: !!int 5}", "the tag 'tag:yaml.org,2002:int'"),
    ("AutoRoundModifier: {iters: 1\u{0}}", "not YAML"),
    ("a: \u{7}", "not YAML"),
  ])
  func refuses(text: String, message: String) {
    let error = #expect(throws: InputError.self) { try Recipe(text) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test func sharesValuesByAlias() throws {
    let recipe = try Recipe(
      """
      a_stage:
        a_modifiers:
          AutoRoundModifier: {targets: &names [q_proj, k_proj], ignore: *names}
      """)
    let options = try recipe.autoRoundOptions()
    #expect(options.targets == ["q_proj", "k_proj"])
    #expect(options.ignore == options.targets)
  }

  /// As PyYAML, and so LLM Compressor, reads them: what is written goes before what is merged, and of several
  /// mappings the first goes before the others.
  @Test func mergesMappings() throws {
    let recipe = try Recipe(
      """
      AutoRoundModifier:
        ignore: [lm_head]
        config_groups:
          a:
            targets: [q_proj]
            weights: &four {num_bits: 4, type: int, symmetric: true, strategy: group, group_size: 32}
          b:
            targets: [k_proj]
            weights:
              num_bits: 8
              <<: *four
          c:
            targets: [v_proj]
            weights: {<<: [{num_bits: 3}, *four], symmetric: false}
      """)
    let groups = try ResolvedOptions(recipe: recipe.autoRoundOptions()).groups
    let weights = groups.compactMap(\.scheme.weights)
    #expect(weights.map(\.bitCount) == [4, 8, 3])
    #expect(weights.map(\.groupSize) == [32, 32, 32])
    #expect(weights.map(\.isSymmetric) == [true, true, false])
  }

  @Test(arguments: [
    ("AutoRoundModifier:\n  <<: 3\n", "line 2, column 3: '<<' merges a mapping"),
    ("AutoRoundModifier:\n  <<: [3]\n", "line 2, column 3: '<<' merges a mapping"),
    ("AutoRoundModifier:\n  '<<': {iters: 3}\n", "'<<' is not a key"),
    ("AutoRoundModifier:\n  <<: {itters: 3}\n", "line 2, column 8: 'itters' is not a key"),
  ])
  func refusesOtherMerges(text: String, message: String) {
    let error = #expect(throws: InputError.self) { try Recipe(text) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test func refusesTowersOfAliases() {
    var text = "a0: &a0 [x, x]\n"
    for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    let error = #expect(throws: InputError.self) { try Recipe(text) }
    #expect(
      error?.description
        == "line 10, column 10: more than 16 aliases (*name); write the values out")
  }

  @Test func refusesATowerAsAKey() {
    var text = "a0: &a0 [x, x, x]\n"
    for level in 1...5 {
      text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1)]\n"
    }
    let error = #expect(throws: InputError.self) { try Recipe(text + "? *a5\n: 1") }
    #expect(error?.message == "a key must be text")
  }

  @Test func refusesAliasesOfLargeValues() {
    let many = Array(repeating: "x", count: 5000).joined(separator: ", ")
    let text = "a: &a [\(many)]\nb: &b [*a, *a]\nc: [*b, *b]"
    let error = #expect(throws: InputError.self) { try Recipe(text) }
    #expect(error?.message == "the recipe stands for more than 20000 values")
  }

  @Test(arguments: [
    String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 100_000),
    String(repeating: "- ", count: 100_000), String(repeating: "? ", count: 100_000),
    (0..<2000).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
    String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
    String(repeating: "- ", count: 900) + "a",
  ])
  func refusesDeepNesting(text: String) {
    #expect(throws: InputError.self) { try Recipe(text) }
  }

  @Test func refusesHugeText() {
    let error = #expect(throws: InputError.self) {
      try Recipe("# " + String(repeating: "x", count: 1 << 20))
    }
    #expect(error?.message.contains("1048578 bytes") == true)
  }

  @Test func survivesMutations() {
    let text = """
      a_stage: {b_modifiers: {AutoRoundModifier: {iters: 1_0, lr: 5e-3, ignore: ['re:.*x', &a "y"]}}}
      """
    let bytes = Array(text.utf8)
    var generator = SplitMix(state: 7)
    for _ in 0..<3000 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let index = Int.random(in: mutated.indices, using: &generator)
        mutated[index] = UInt8.random(in: 0...127, using: &generator)
      }
      _ = try? Recipe(String(decoding: mutated, as: UTF8.self))
      let beginning = bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))
      _ = try? Recipe(String(decoding: beginning, as: UTF8.self))
    }
  }
}

/// A small seeded generator (SplitMix64).
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
