import Foundation
import JSONText
import TestSupport
import Testing

/// What a run calls verified, `verify` calls sound, and no tampering with the configuration does it.
@Suite(.serialized) struct ContractRunTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  private func copy(in folder: URL, _ change: (inout JSONValue) -> Void) throws -> URL {
    let copy = folder.appending(path: "model")
    try FileManager.default.copyItem(at: model, to: copy)
    let file = copy.appending(path: "config.json")
    var configuration = try JSONValue.parse(contentsOf: file)
    change(&configuration)
    try Data(configuration.text(indentation: 2).utf8).write(to: file)
    return copy
  }

  private func run(_ source: URL, _ output: URL, _ more: String...) throws -> Invocation {
    try Invocation(
      [
        "quantize", source.path, "--output", output.path, "--samples", "2", "--sequence-length",
        "16",
      ]
        + ["--batch-size", "2", "--iterations", "0", "--held-out", "0"] + more)
  }

  @Test(arguments: [[], ["--model-free"]])
  func blocksThatAreNotCountedStay(_ more: [String]) throws {
    try withTemporaryFolder { folder in
      let source = try copy(in: folder) { $0.set("num_hidden_layers", 4) }
      let output = folder.appending(path: "out")
      let run = try Invocation(
        ["quantize", source.path, "--output", output.path, "--iterations", "0", "--held-out", "0"]
          + ["--samples", "2", "--sequence-length", "16"] + more)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.contains("verified   ") && run.errors.contains("28 quantized layers"))
      #expect(run.errors.contains("14 linear layers, model.layers.4."), "\(run.errors)")
      let verified = try Invocation("verify", output.path, "--source", source.path)
      #expect(verified.status == 0, "\(verified.output)")
    }
  }

  /// Ways to tamper with a configuration: the path of a key and its new value, or nil to remove it.
  static let tamperings: [(String, String)] = [
    ("config_groups.group_0.weights.dynamic", "true"),
    ("config_groups.group_0.weights.actorder", "\"group\""),
    ("config_groups.group_0.weights.bits", "4"),
    ("config_groups.group_0.weights.group_size", "0"),
    ("config_groups.group_0.weights.group_size", "-5"),
    ("config_groups.group_0.weights.group_size", "1099511627776"),
    ("config_groups.group_0.targets", "[\"Linear\", 3]"),
    ("config_groups.group_0.input_activations", "{\"num_bits\": 8}"),
    ("config_groups.group_0.output_activations", "{\"num_bits\": 8}"),
    ("config_groups.group_0.scheme", "null"),
    ("format", "\"int-quantized\""),
    ("quantization_status", "\"frozen\""),
    ("sparsity_config", "{\"format\": \"dense\"}"),
    ("ignore", "[]"), ("ignore", "\"lm_head\""),
    ("bogus", "1"),
  ]

  @Test func tamperingsAreFound() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let recipe = folder.appending(path: "recipe.yaml")
      try """
      AutoRoundModifier:
        ignore: [lm_head]
        config_groups: {a: {targets: [Linear], weights: {num_bits: 8, strategy: channel}}}
      """.write(to: recipe, atomically: true, encoding: .utf8)
      let made = try Invocation(
        "quantize", model.path, "--output", output.path, "--recipe", recipe.path, "--model-free")
      #expect(made.status == 0, "\(made.errors)")
      for name in ["quantization_report.json", "SHA256SUMS"] {
        try FileManager.default.removeItem(at: output.appending(path: name))
      }
      let file = output.appending(path: "config.json")
      let whole = try JSONValue.parse(contentsOf: file)
      func findings(_ configuration: JSONValue) throws -> [String] {
        try Data(configuration.text().utf8).write(to: file)
        let run = try Invocation("verify", output.path, "--source", model.path)
        #expect((run.status == 0) == run.output.hasPrefix("sound\n"))
        return run.output.split(separator: "\n").map(String.init).filter {
          $0.hasPrefix("contract  ") || $0.hasPrefix("damage  ")
        }
      }
      #expect(try findings(whole) == [])
      for (path, value) in Self.tamperings {
        let keys = ["quantization_config"] + path.split(separator: ".").map(String.init)
        let changed = try Self.changed(whole, keys[...], try JSONValue.parse(Array(value.utf8)))
        #expect(try !findings(changed).isEmpty, "\(path): \(value)")
      }
      var cut = whole
      cut.set("num_hidden_layers", 4)
      #expect(try findings(cut).contains { $0.contains("does not count (num_hidden_layers is 4)") })
      // A group again and again.
      let group = try #require(whole["quantization_config"]?["config_groups"]?["group_0"])
      let copies = (0..<50).map { JSONValue.Member("group_\($0)", group) }
      let many = try Self.changed(
        whole, ["quantization_config", "config_groups"], .object(copies))
      #expect(
        try findings(many).contains { $0.contains("gives no layer its scheme; so with 48 more") })
      // So many that comparing each with each would take minutes.
      let thousands = try Self.changed(
        whole, ["quantization_config", "config_groups"],
        .object((0..<5000).map { JSONValue.Member("group_\($0)", group) }))
      try Data(thousands.text().utf8).write(to: file)
      let read = try Invocation(
        "evaluate", output.path, "--text",
        Fixtures.examples.appending(path: "data/evaluation.txt").path)
      #expect(read.status == 1)
      #expect(read.errors.contains("has 5000 groups, expected at most 1000"), "\(read.errors)")
    }
  }

  private static func changed(
    _ value: JSONValue, _ path: ArraySlice<String>, _ new: JSONValue
  ) throws -> JSONValue {
    guard let key = path.first else { return new }
    var result = value
    result.set(key, try changed(value[key] ?? .null, path.dropFirst(), new))
    return result
  }

  /// Changes of the model's own configuration, which this program's readers refuse: a key, its new value or
  /// nil to remove it, and what is said.
  static let misdescriptions: [(String, JSONValue?, String)] = [
    ("hidden_act", "softsign", "hidden_act"), ("hidden_act", 3, "hidden_act"),
    ("rms_norm_eps", -1, "rms_norm_eps"), ("rope_parameters", [], "rope_parameters"),
    ("rope_parameters", ["rope_type": "spiral", "rope_theta": 10000], "spiral"),
    ("max_position_embeddings", 0, "max_position_embeddings"), ("vocab_size", 0, "vocab_size"),
    ("vocab_size", 64, "embed_tokens"), ("vocab_size", nil, "vocab_size"),
    ("num_hidden_layers", "2", "num_hidden_layers"), ("hidden_size", nil, "hidden_size"),
    ("num_attention_heads", nil, "num_attention_heads"),
    ("intermediate_size", nil, "intermediate_size"),
    ("dtype", "floatx", "dtype"), ("torch_dtype", 3, "torch_dtype"),
    ("attention_bias", true, "q_proj.bias"), ("mlp_bias", true, "gate_proj.bias"),
  ]

  @Test func misdescribedModelsAreFound() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let made = try Invocation("quantize", model.path, "--output", output.path, "--model-free")
      #expect(made.status == 0, "\(made.errors)")
      for name in ["quantization_report.json", "SHA256SUMS"] {
        try FileManager.default.removeItem(at: output.appending(path: name))
      }
      /// What `verify` finds with another text in a file.
      func findings(_ text: String, in name: String) throws -> String {
        let file = output.appending(path: name)
        let whole = try Data(contentsOf: file)
        defer { try? whole.write(to: file) }
        try Data(text.utf8).write(to: file)
        let run = try Invocation("verify", output.path)
        #expect(run.status == 1, "\(name): \(text.prefix(2000))")
        return run.output
      }
      let whole = try JSONValue.parse(contentsOf: output.appending(path: "config.json"))
      for (key, value, message) in Self.misdescriptions {
        let members = (whole.objectValue ?? []).filter { $0.key != key }
        let changed = JSONValue.object(members + (value.map { [.init(key, $0)] } ?? []))
        let found = try findings(changed.text(), in: "config.json")
        #expect(found.contains(message), "\(key): \(found)")
      }
      for (name, text) in [("tokenizer.json", "{}"), ("tokenizer_config.json", "[]")] {
        let found = try findings(text, in: name)
        #expect(found.contains("this program: "), "\(name): \(found)")
      }
      #expect(try Invocation("verify", output.path, "--source", model.path).status == 0)
    }
  }

  @Test func groupsThatDoNotDivideAreSaidOnceWithTheRemedy() throws {
    try withTemporaryFolder { folder in
      let recipe = folder.appending(path: "recipe.yaml")
      try """
      AutoRoundModifier:
        ignore: [lm_head]
        config_groups: {a: {targets: [Linear], weights: {num_bits: 4, strategy: group, group_size: 96}}}
      """.write(to: recipe, atomically: true, encoding: .utf8)
      let output = folder.appending(path: "books")
      let run = try run(model, output, "--recipe", recipe.path)
      #expect(run.status == 0, "\(run.errors)")
      let warnings = run.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
      #expect(warnings.count == 1, "\(run.errors)")
      let warning = warnings.first ?? ""
      #expect(
        warning.contains("--group-size 64") && warning.contains(" layers, here "), "\(warning)")
      let card = try String(contentsOf: output.appending(path: "README.md"), encoding: .utf8)
      #expect(card.contains("vLLM: does not load it, groups of 96 do not divide"))
      #expect(card.contains("| tensor parallelism | 1 |") && !card.contains("vllm serve"))
      let remedied = try Invocation(
        "plan", model.path, "--recipe", recipe.path, "--iterations", "0", "--group-size", "64",
        "--samples", "2", "--sequence-length", "16")
      #expect(remedied.status == 0, "\(remedied.errors)")
      #expect(remedied.output.contains("vLLM: loads it") && !remedied.output.contains("warning"))
      #expect(remedied.output.contains("4-bit int symmetric, groups of 64"))
      let none = try Invocation("plan", model.path, "--scheme", "FP8_DYNAMIC", "--group-size", "64")
      #expect(none.status == 64 && none.errors.contains("--group-size"), "\(none.errors)")
    }
  }
}
