import Foundation
import JSONText
import TestSupport
import Testing

/// Recipes with several groups that match a layer: what is tuned, written, and read.
@Suite struct OverlappingGroupTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  /// Groups of a recipe, and the bits and the type of `down_proj` and `up_proj` of the first block.
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var groups: String
    var down: (Int, String)
    var up: (Int, String)
    /// Texts of the warning; empty for none.
    var warning: [String] = []
  }

  private static let four = "{num_bits: 4, type: int, strategy: group, group_size: 128}"
  private static let eight = "{num_bits: 8, type: int, strategy: channel}"
  private static let fp8 = "{num_bits: 8, type: float, strategy: channel}"

  static let cases = [
    Case(
      testDescription: "more bits for down_proj",
      groups: """
            down: {targets: ["re:.*down_proj$"], weights: \(eight)}
            mlp: {targets: ["re:.*mlp.*"], weights: \(four)}
            attn: {targets: ["re:.*self_attn.*"], weights: \(four)}
        """, down: (8, "int"), up: (4, "int")),
    Case(
      testDescription: "in the other order",
      groups: """
            mlp: {targets: ["re:.*mlp.*"], weights: \(four)}
            down: {targets: ["re:.*down_proj$"], weights: \(eight)}
            attn: {targets: ["re:.*self_attn.*"], weights: \(four)}
        """, down: (8, "int"), up: (4, "int")),
    Case(
      testDescription: "beside a pattern for all layers",
      groups: """
            a: {targets: ["re:.*down_proj"], weights: \(eight)}
            b: {targets: ["re:.*"], weights: \(four)}
        """, down: (8, "int"), up: (4, "int"),
      warning: ["'re:.*down_proj' of 'a' goes before 're:.*' of 'b'", "LLM Compressor"]),
    Case(
      testDescription: "the same shapes in another scheme",
      groups: """
            a: {targets: [Linear], weights: \(eight)}
            b: {targets: ["re:.*down_proj"], weights: \(fp8), input_activations: {num_bits: 8, type: float, strategy: token, dynamic: true}}
            c: {targets: ["re:.*layers.0.mlp.*"], weights: \(fp8)}
        """, down: (8, "float"), up: (8, "float")),
    Case(
      testDescription: "a class beside layers that vLLM runs as one",
      groups: """
            a: {targets: [Linear], weights: \(four)}
            b: {targets: ['re:.*(q|k|v|down)_proj$'], weights: \(eight)}
        """, down: (8, "int"), up: (4, "int")),
    Case(
      testDescription: "a group for nothing",
      groups: """
            a: {targets: [Linear], weights: \(four)}
            b: {targets: [Linear], weights: \(eight)}
        """, down: (8, "int"), up: (8, "int"),
      warning: ["group 'a' gives no layer its scheme", "'Linear' of 'b' goes before it"]),
  ]

  private func recipe(_ groups: String, in folder: URL) throws -> String {
    let file = folder.appending(path: "recipe.yaml")
    try "AutoRoundModifier:\n  ignore: [lm_head]\n  config_groups:\n\(groups)\n"
      .write(to: file, atomically: true, encoding: .utf8)
    return file.path
  }

  private func configuration(_ checkpoint: URL) throws -> JSONValue {
    let whole = try JSONValue.parse(contentsOf: checkpoint.appending(path: "config.json"))
    return try #require(whole["quantization_config"])
  }

  /// The group that a reader finds for a layer: the first in the file, or the first in the alphabet.
  private func weights(
    of layer: String, in configuration: JSONValue, byAlphabet: Bool
  ) throws -> JSONValue? {
    var targets: [(text: String, weights: JSONValue?)] = []
    for group in configuration["config_groups"]?.objectValue ?? [] {
      for target in group.value["targets"]?.arrayValue?.compactMap(\.stringValue) ?? [] {
        targets.append((target, group.value["weights"]))
      }
    }
    if byAlphabet {
      // Full names before patterns.
      targets.sort {
        ($0.text.contains("re:") ? 1 : 0, $0.text) < ($1.text.contains("re:") ? 1 : 0, $1.text)
      }
    }
    let first = targets.first { target in
      guard target.text.hasPrefix("re:") else { return target.text == layer }
      return layer.range(
        of: target.text.dropFirst(3), options: [.regularExpression, .anchored]) != nil
    }
    return (first ?? targets.first { $0.text == "Linear" })?.weights
  }

  @Test(arguments: cases) func allReadersFindTheSame(_ example: Case) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let recipe = try recipe(example.groups, in: folder)
      let run = try Invocation(
        "quantize", model, "--output", output.path, "--recipe", recipe, "--samples", "2",
        "--sequence-length", "16", "--batch-size", "2", "--iterations", "0", "--disable-opt-rtn",
        "--held-out", "0")
      #expect(run.status == 0, "\(run.errors)")
      let configuration = try configuration(output)
      for (name, expected) in [("down_proj", example.down), ("up_proj", example.up)] {
        for byAlphabet in [false, true] {
          let found = try weights(
            of: "model.layers.0.mlp.\(name)", in: configuration, byAlphabet: byAlphabet)
          #expect(found?["num_bits"]?.intValue == expected.0)
          #expect(found?["type"]?.stringValue == expected.1)
        }
      }
      let verified = try Invocation("verify", output.path, "--source", model)
      #expect(verified.status == 0, "\(verified.output)")
      #expect(run.errors.contains("warning: ") == !example.warning.isEmpty, "\(run.errors)")
      for text in example.warning { #expect(run.errors.contains(text), "\(run.errors)") }
    }
  }

  /// Where groups do not overlap their targets stay, and more than ten are in the order of their numbers.
  @Test func targetsThatAreClearStay() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let groups = (0..<12).map { index in
        let (block, part) = (index / 2, index % 2 == 0 ? "mlp" : "self_attn")
        return
          "    g\(index): {targets: ['re:.*layers.\(block).\(part)'], weights: {num_bits: \(2 + index % 7), group_size: \(index < 6 ? 64 : 128)}}"
      }
      let recipe = try recipe(groups.joined(separator: "\n"), in: folder)
      let run = try Invocation(
        "quantize", model, "--output", output.path, "--recipe", recipe, "--model-free")
      #expect(run.status == 0, "\(run.errors)")
      let written = try #require(try configuration(output)["config_groups"]?.objectValue)
      #expect(written.map(\.key) == (0..<12).map { "group_\($0)" })
      for (index, group) in written.enumerated() {
        let part = index % 2 == 0 ? "mlp" : "self_attn"
        #expect(group.value["targets"] == [.string("re:.*layers.\(index / 2).\(part)")])
      }
      let verified = try Invocation("verify", output.path, "--source", model)
      #expect(verified.status == 0, "\(verified.output)")
    }
  }

  /// A file in which the order says one thing and the alphabet another.
  @Test func verifyFindsWhatIsReadDifferently() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let run = try Invocation(
        "quantize", model, "--output", output.path, "--recipe",
        try recipe(Self.cases[3].groups, in: folder), "--model-free")
      #expect(run.status == 0, "\(run.errors)")
      for name in ["quantization_report.json", "SHA256SUMS"] {
        try FileManager.default.removeItem(at: output.appending(path: name))
      }
      let file = output.appending(path: "config.json")
      var whole = try JSONValue.parse(contentsOf: file)
      var fields = try #require(whole["quantization_config"])
      let written = (fields["config_groups"]?.objectValue ?? []).map(\.value)
      let targets = [
        ("naive-quantized", "re:.*layers.0.mlp.*"), ("float-quantized", "re:.*down_proj"),
        ("pack-quantized", "Linear"),
      ]
      var groups: [JSONValue.Member] = []
      for (format, target) in targets {
        var group: JSONValue = try #require(written.first { $0["format"] == .string(format) })
        group.set("targets", [.string(target)])
        groups.append(.init("group_\(groups.count)", group))
      }
      fields.set("config_groups", .object(groups))
      whole.set("quantization_config", fields)
      try Data(whole.text().utf8).write(to: file)
      let verified = try Invocation("verify", output.path, "--source", model)
      #expect(verified.status == 1)
      #expect(
        verified.output.contains(
          "model.layers.0.mlp.down_proj: transformers finds 'group_1' for it and vLLM 'group_0'"),
        "\(verified.output)")
    }
  }
}
