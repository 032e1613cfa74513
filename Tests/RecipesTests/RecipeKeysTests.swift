import Diagnostics
import JSONText
import Recipes
import Testing

/// The keys of a recipe at every level.
@Suite struct RecipeKeysTests {
  @Test(arguments: [
    "test_stage:\n  test_modifiers:\n    AutoRoundModifier: {iters: 7}",
    "test_stage:\n  modifiers:\n    AutoRoundModifier: {iters: 7}",
    "anything:\n  my_modifiers:\n    AutoRoundModifier: {iters: 7}",
    "modifiers:\n  AutoRoundModifier: {iters: 7}",
    "AutoRoundModifier: {iters: 7}",
    #"{"a_stage": {"b_modifiers": {"AutoRoundModifier": {"iters": 7, "lr": null}}}}"#,
    "{\n\t\"a_stage\": {\n\t\t\"b_modifiers\": {\"AutoRoundModifier\": {\"iters\": 7}}}}",
  ])
  func structure(text: String) throws {
    let options = try Recipe(text).autoRoundOptions()
    #expect(options == AutoRoundOptions { $0.iterations = 7 })
  }

  @Test func keepsNames() throws {
    let recipe = try Recipe("s: {a_modifiers: {AutoRoundModifier: }, b_modifiers: {}}")
    #expect(recipe.stages.map(\.name) == ["s"])
    #expect(recipe.stages[0].groups.map(\.name) == ["a_modifiers", "b_modifiers"])
    #expect(recipe.modifiers == [.autoRound(AutoRoundOptions())])
  }

  @Test func allArguments() throws {
    let recipe = try Recipe(
      """
      AutoRoundModifier:
        scheme: w4a16
        targets: [Linear, 're:.*experts.*']
        ignore: lm_head
        iters: 1_000
        lr: 5e-3
        batch_size: 4
        bypass_divisibility_checks: yes
        disable_opt_rtn: true
        enable_torch_compile: false
        device_ids: "0,1"
        weight_observer: memoryless_minmax
        observer: {weights: minmax}
        requires_calibration_data: true
        kv_cache_scheme: null
        start: null
      """)
    let options = try recipe.autoRoundOptions()
    #expect(
      options
        == AutoRoundOptions(
          scheme: .preset("w4a16"), targets: ["Linear", "re:.*experts.*"], ignore: ["lm_head"],
          observers: [
            .init("weight_observer", "memoryless_minmax"), .init("observer", ["weights": "minmax"]),
          ]
        ) {
          $0.iterations = 1000
          $0.learningRate = 0.005
          $0.batchSize = 4
          $0.disablesOptimizedRounding = true
          $0.bypassesDivisibilityChecks = true
        })
    #expect(
      recipe.warnings == [
        "line 10, column 3: 'enable_torch_compile' has no effect here",
        "line 11, column 3: 'device_ids' has no effect here",
      ])
  }

  @Test(arguments: [
    (
      "AutoRoundModifier: {itres: 1}",
      "line 1, column 21: 'itres' is not a key of AutoRoundModifier; did you mean 'iters'?"
    ),
    (
      "AutoRoundModifier:\n  batchsize: 1",
      "line 2, column 3: 'batchsize' is not a key of AutoRoundModifier; did you mean 'batch_size'?"
    ),
    (
      "AutoRoundModifier: {x: 1}",
      "'x' is not a key of AutoRoundModifier; it has config_groups, targets, ignore, scheme"
    ),
    (
      "AutoRoundModifer: {}",
      "line 1, column 1: there is no modifier 'AutoRoundModifer'; did you mean 'AutoRoundModifier'?"
    ),
    ("s: {t: {}}", "line 1, column 5: 't' is not a key of a stage; a stage has groups"),
    (
      "s: {modifiers: {GPTQModifier: {}}}",
      "line 1, column 17: there is no modifier 'GPTQModifier'; there is AutoRoundModifier"
    ),
    ("s: {modifiers: [AutoRoundModifier]}", "modifiers: expected keys with values, found a list"),
    ("version: 1.0", "'version' is neither a modifier nor a stage"),
    ("AutoRoundModifier: 3", "AutoRoundModifier: expected keys with values, found the number 3"),
    (
      "AutoRoundModifier: {}\ns: {modifiers: {}}",
      "modifiers stand beside stages; put them into one"
    ),
    (
      "AutoRoundModifier: {iters: -1}",
      "iters: expected a whole number from 0 to 1000000, found the number -1"
    ),
    ("AutoRoundModifier: {iters: 1.5}", "iters: expected a whole number"),
    ("AutoRoundModifier: {iters: 99999999999999999999999}", "iters: expected a whole number"),
    (
      "AutoRoundModifier: {iters: '200'}",
      "iters: expected a whole number from 0 to 1000000, found the text '200'"
    ),
    ("AutoRoundModifier: {iters: 0x10}", "found the text '0x10'"),
    ("AutoRoundModifier: {lr: 0}", "lr: expected a number above 0, found the number 0"),
    ("AutoRoundModifier: {lr: -1e-3}", "lr: expected a number above 0"),
    ("AutoRoundModifier: {lr: .nan}", "lr: expected a number above 0, found the text '.nan'"),
    ("AutoRoundModifier: {lr: 1e999}", "lr: expected a number above 0"),
    ("AutoRoundModifier: {batch_size: 0}", "batch_size: expected a whole number from 1"),
    (
      "AutoRoundModifier: {ignore: {a: b}}",
      "ignore: expected a text or a list of texts, found keys with values"
    ),
    (
      "AutoRoundModifier: {ignore: [1]}",
      "an element of ignore: expected a text, found the number 1"
    ),
    ("AutoRoundModifier: {ignore: ['']}", "an element of ignore: expected a text"),
    (
      "AutoRoundModifier: {disable_opt_rtn: 1}",
      "disable_opt_rtn: expected true or false, found the number 1"
    ),
    (
      "AutoRoundModifier: {kv_cache_scheme: {num_bits: 8}}",
      "kv_cache_scheme.type: found int, expected float for keys and values"
    ),
    (
      "AutoRoundModifier: {kv_cache_scheme: {type: float, scale_dtype: float32}}",
      "kv_cache_scheme.scale_dtype: found float32, expected null"
    ),
    (
      "AutoRoundModifier: {scheme: W4A16, config_groups: {g: {targets: [Linear]}}}",
      "line 1, column 36: 'scheme' and 'config_groups' exclude each other"
    ),
    ("AutoRoundModifier: {scheme: [W4A16]}", "scheme: expected a text, found a list"),
    ("AutoRoundModifier: {scheme: {}}", "scheme: expected a preset, found none"),
    ("AutoRoundModifier: {config_groups: {}}", "config_groups: expected a group, found none"),
    (
      "AutoRoundModifier: {config_groups: [a]}",
      "config_groups: expected keys with values, found a list"
    ),
  ])
  func refuses(text: String, message: String) {
    let error = #expect(throws: InputError.self) { try Recipe(text) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test(arguments: ["{a_modifiers: {}, b_modifiers: {}}"])
  func refusesNoModifier(stage: String) {
    let error = #expect(throws: InputError.self) { try Recipe("s: \(stage)") }
    #expect(error?.message.contains("has no modifier") == true)
  }

  @Test func refusesToRunSeveral() throws {
    let recipe = try Recipe(
      """
      s:
        a_modifiers: {AutoRoundModifier: {iters: 1}}
        b_modifiers: {AutoRoundModifier: {iters: 2}}
      """)
    let error = #expect(throws: InputError.self) { try recipe.autoRoundOptions() }
    #expect(error?.message == "the recipe has 2 modifiers; one AutoRoundModifier is run")
  }
}
