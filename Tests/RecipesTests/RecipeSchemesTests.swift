import Diagnostics
import Foundation
import JSONText
import Quantization
import Recipes
import TestSupport
import Testing

/// Schemes in recipes: presets, groups, and what is wrong with them.
@Suite struct RecipeSchemesTests {
  /// The sample in the documentation of the reference, which its own reader takes for empty.
  @Test func documentedSample() throws {
    let recipe = try Recipe(
      """
      test_stage:
        modifiers:
          AutoRoundModifier:
            iters: 200
            config_groups:
              group_0:
                targets:
                  - "Linear"
                input_activations: null
                output_activations: null
                weights:
                  num_bits: 4
                  type: "int"
                  symmetric: true
                  strategy: group
                  group_size: 128
      """)
    let weights = QuantizationArguments(bitCount: 4, strategy: .group, groupSize: 128)
    let scheme = QuantizationScheme(targets: ["Linear"], weights: weights)
    #expect(
      try recipe.autoRoundOptions()
        == AutoRoundOptions(scheme: .groups([.init(name: "group_0", scheme: scheme)])) {
          $0.iterations = 200
        })
    #expect(recipe.warnings.isEmpty)
  }

  @Test(arguments: [
    "mixed_w2_w4", "w4a16_asym", "w3a16", "w2a16", "w4a16", "w8a16",
  ])
  func recipesOfTheReference(name: String) throws {
    let file = Fixtures.folder.appending(path: "formats/\(name)/recipe.yaml")
    let recipe = try Recipe(contentsOf: file)
    let options = try recipe.autoRoundOptions()
    #expect(options.iterations == 4)
    #expect(options.learningRate == 0.02)
    #expect(options.batchSize == 4)
    #expect(options.ignore == ["lm_head"])
    guard case .groups(let groups)? = options.scheme else {
      Issue.record("expected groups, found \(String(describing: options.scheme))")
      return
    }
    #expect(groups.map(\.name) == (name == "mixed_w2_w4" ? ["group_0", "group_1"] : ["group_0"]))
    let digits = name.first { ("2"..."9").contains($0) }.map(String.init)
    #expect(groups[0].scheme.weights?.bitCount == digits.flatMap { Int($0) })
    #expect(groups[0].scheme.weights?.groupSize == 32)
    #expect(groups[0].scheme.weights?.isSymmetric == !name.hasSuffix("asym"))
    // What is written reads back as the same, and so does that.
    let written = try Recipe(recipe.yaml)
    #expect(written.stages == recipe.stages)
    #expect(written.yaml == recipe.yaml)
  }

  /// LLM Compressor has the scheme of keys and values in a modifier of its own.
  @Test func keysAndValuesOfAnotherModifier() throws {
    let file = Fixtures.folder.appending(path: "formats/w4a16_kv_fp8/recipe.yaml")
    let recipe = try Recipe(contentsOf: file)
    let cache = try #require(try recipe.autoRoundOptions().keyValueCacheScheme)
    #expect(cache == QuantizationArguments(bitCount: 8, type: .float, strategy: .tensor))
    #expect(try Recipe(recipe.yaml).stages == recipe.stages)
    let ours = try ResolvedOptions(recipe: recipe.autoRoundOptions()).recipe
    #expect(try Recipe(ours.yaml).autoRoundOptions().keyValueCacheScheme == cache)

    for (text, message) in [
      ("{QuantizationModifier: {scheme: W4A16}}", "read for kv_cache_scheme alone"),
      ("{QuantizationModifier: {targets: [Linear]}}", "'kv_cache_scheme' is missing"),
      (
        "{QuantizationModifier: {kv_cache_scheme: {num_bits: 4}}}",
        "kv_cache_scheme.type: found int, expected float for keys and values"
      ),
    ] {
      let error = #expect(throws: InputError.self) { try Recipe(text) }
      #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }
  }

  @Test func headAndAlgorithm() throws {
    let recipe = try Recipe(
      "AutoRoundModifier: {ignore: [lm_head, a], enable_alg_ext: true, quant_lm_head: true}")
    let options = try ResolvedOptions(recipe: recipe.autoRoundOptions())
    #expect(options.head == .quantize)
    #expect(options.algorithm == .signRoundV2)
    #expect(options.ignore == ["a"])
    #expect(try ResolvedOptions(recipe: Recipe(options.recipe.yaml).autoRoundOptions()) == options)
    // What is said directly goes first, and an entry of ignore that is given with it counts.
    let overrides = OptionOverrides(ignore: ["lm_head"]) {
      $0.algorithm = .signRound
      $0.head = .quantize
    }
    let overridden = try ResolvedOptions(overrides: overrides, recipe: recipe.autoRoundOptions())
    #expect(overridden.algorithm == .signRound)
    #expect(overridden.ignore == ["lm_head"])
  }

  @Test func someLayersStayAsTheyAre() throws {
    let recipe = try Recipe(
      "AutoRoundModifier: {scheme: {W4A16: [Linear], UNQUANTIZED: ['re:.*mlp.*']}}")
    let options = try ResolvedOptions(recipe: recipe.autoRoundOptions())
    #expect(options.groups.map(\.scheme.isUnquantized) == [false, true])
    #expect(options.schemeSummary.hasSuffix("group_1: not quantized"))
    #expect(
      try Recipe(options.recipe.yaml).autoRoundOptions().scheme
        == options.recipe.autoRoundOptions().scheme)
  }

  @Test func presetsWithTargets() throws {
    let recipe = try Recipe("AutoRoundModifier: {scheme: {W4A16: ['re:.*mlp.*'], W8A16: [q_proj]}}")
    #expect(
      try recipe.autoRoundOptions().scheme
        == .presets([
          .init(preset: "W4A16", targets: ["re:.*mlp.*"]),
          .init(preset: "W8A16", targets: ["q_proj"]),
        ]))
  }

  @Test(arguments: [
    ("  scheme: W4A17", "line 2, column 11: scheme: unknown scheme 'W4A17'; did you mean W4A16?"),
    (
      "  scheme: INT4",
      "line 2, column 11: scheme: the scheme INT4 is not supported"
    ),
    (
      "  scheme:\n    W4A16: [a]\n    W9A16: [b]",
      "line 4, column 5: scheme: unknown scheme 'W9A16'"
    ),
    (
      "  config_groups:\n    g:\n      weights: {num_bits: 4}",
      "line 3, column 5: g.targets: is missing"
    ),
    (
      "  config_groups:\n    g:\n      targets: [Linear]\n      weights:\n        num_bit: 4",
      "line 6, column 9: g.weights.num_bit: unknown key; did you mean 'num_bits'?"
    ),
    (
      "  config_groups:\n    g:\n      targets: [Linear]\n      weights:\n        num_bits: 99",
      "line 6, column 9: g.weights.num_bits: found 99"
    ),
    (
      "  config_groups:\n    g:\n      targets:\n        - Linear\n        - 7\n      weights: {}",
      "line 6, column 11: g.targets[1]: found 7, expected a string"
    ),
    (
      "  config_groups:\n    g: {targets: [Linear], weights: {num_bits: 4, dynamic: local}}",
      "g.weights.dynamic: found \"local\", expected false"
    ),
    ("  config_groups:\n    g: 5", "line 3, column 5: g: found 5, expected an object"),
  ])
  func refuses(arguments: String, message: String) {
    let error = #expect(throws: InputError.self) { try Recipe("AutoRoundModifier:\n" + arguments) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test func namesTheFile() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "recipe-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }

    let file = folder.appending(path: "recipe.yaml")
    try Data("AutoRoundModifier: {lrr: 1}".utf8).write(to: file)
    let wrongKey = #expect(throws: InputError.self) { try Recipe(contentsOf: file) }
    #expect(wrongKey?.source == file.path())
    #expect(wrongKey?.place == "line 1, column 21")

    try Data([0x61, 0xFF]).write(to: file)
    let notText = #expect(throws: InputError.self) { try Recipe(contentsOf: file) }
    #expect(notText?.description == "\(file.path()): is not text in UTF-8")

    let missing = #expect(throws: InputError.self) {
      try Recipe(contentsOf: folder.appending(path: "none.yaml"))
    }
    #expect(missing?.code == .unreadable)

    let document = folder.appending(path: "recipe.md")
    try Data("---\nAutoRoundModifier:\n  iters: x\n---\n# Title: {\n".utf8).write(to: document)
    let inFrontMatter = #expect(throws: InputError.self) { try Recipe(contentsOf: document) }
    #expect(inFrontMatter?.place == "line 3, column 10")
    try Data("---\nAutoRoundModifier:\n  iters: 3\n---\n# Title: {\n".utf8).write(to: document)
    #expect(try Recipe(contentsOf: document).autoRoundOptions().iterations == 3)
    try Data("# Title\n".utf8).write(to: document)
    #expect(throws: InputError.self) { try Recipe(contentsOf: document) }
  }

  @Test func writesEveryKindOfText() throws {
    let names = [
      "Linear", "re:.*mlp\\.(gate|up|down)_proj$", "null", "true", "No", "12", "1e3", ".5", "a: b",
      "#x",
      "it's", "\"q\"", "line\nbreak", "tab\t", " ", "ünïcode 量化", "*a", "&a", "!t", "- a", "y",
      "\u{7F}\u{1}",
      "a,b", "[a]", "{a}", "~", "", "a ", "0x1F", "%a", "@a", "`a", "|", ">", "?", ":", "=", "<<",
    ].filter { !$0.isEmpty }
    var options = AutoRoundOptions(targets: names, ignore: names) { $0.learningRate = 1e-300 }
    options.scheme = .presets([.init(preset: "W4A16", targets: names)])
    options.observers = [.init("observer", .object(names.map { .init($0, .string($0)) }))]
    let recipe = Recipe(options)
    #expect(try Recipe(recipe.yaml).stages == recipe.stages, "\(recipe.yaml)")
  }

  @Test func writesForPeople() {
    let options = AutoRoundOptions(scheme: .preset("W4A16"), ignore: ["lm_head"]) {
      $0.iterations = 200
      $0.learningRate = 0.005
      $0.batchSize = 8
      $0.disablesOptimizedRounding = false
    }
    #expect(
      Recipe(options).yaml == """
        default_stage:
          default_modifiers:
            AutoRoundModifier:
              scheme: W4A16
              targets: [Linear]
              ignore: [lm_head]
              iters: 200
              lr: 0.005
              batch_size: 8
              disable_opt_rtn: false

        """)
  }
}
