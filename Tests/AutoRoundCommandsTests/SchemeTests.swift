import Foundation
import JSONText
import TestSupport
import Testing

/// Every kind of scheme from a checkpoint to a quantized one and back, on as little data as possible.
@Suite(.serialized) struct SchemeTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  private static let options = [
    "--samples", "4", "--sequence-length", "64", "--batch-size", "2", "--compute", "f32",
  ]

  /// The perplexity on a short text; that of the model itself is below 50.
  private func perplexity(_ checkpoint: URL, in folder: URL) throws -> Double {
    let text = folder.appending(path: "text.txt")
    let all = try String(
      contentsOf: Fixtures.examples.appending(path: "data/evaluation.txt"), encoding: .utf8)
    try String(all.prefix(6000)).write(to: text, atomically: true, encoding: .utf8)
    let run = try Invocation(
      "evaluate", checkpoint.path, "--text", text.path, "--sequence-length", "128", "--json")
    #expect(run.status == 0, "\(run.errors)")
    return try #require(try JSONValue.parse(run.lastLine)["perplexity"]?.doubleValue)
  }

  private func format(_ checkpoint: URL) throws -> String? {
    try JSONValue.parse(contentsOf: checkpoint.appending(path: "config.json"))[
      "quantization_config"]?["format"]?.stringValue
  }

  /// Another reader finds nothing to object to, and what is inspected is a quantized checkpoint.
  private func expectSound(_ checkpoint: URL) throws {
    let verified = try Invocation("verify", checkpoint.path, "--source", model)
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    let summary = try Invocation("inspect", checkpoint.path, "--json")
    #expect(summary.status == 0, "\(summary.errors)")
    let report = try JSONValue.parse(summary.lastLine)
    #expect(report["parameters"] == 5_770_496)
    let groups = try #require(report["quantization"]?["groups"]?.arrayValue)
    #expect(groups.reduce(0) { $0 + ($1["layers"]?.intValue ?? 0) } == 42)
  }

  @Test(arguments: [
    ("W2A16", "pack-quantized"), ("W5A16_ASYM", "pack-quantized"), ("W8A16", "pack-quantized"),
    ("W8A8", "int-quantized"), ("W4A8", "int-quantized"), ("W4AFP8", "pack-quantized"),
    ("W3A8", "pack-quantized"), ("W4A4", "pack-quantized"),
    ("FP8", "float-quantized"), ("FP8_DYNAMIC", "float-quantized"),
    ("FP8_BLOCK", "float-quantized"), ("MXFP4", "mxfp4-pack-quantized"),
    ("MXFP4A16", "mxfp4-pack-quantized"),
    ("MXFP8", "mxfp8-quantized"), ("NVFP4", "nvfp4-pack-quantized"),
    ("NVFP4A16", "nvfp4-pack-quantized"),
  ])
  func tunesWritesAndReads(scheme: String, format: String) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let run = try Invocation(
        ["quantize", model, "--output", output.path, "--scheme", scheme, "--iterations", "2"]
          + Self.options)
      #expect(run.status == 0, "\(run.errors)")
      #expect(try self.format(output) == format)
      #expect(try perplexity(output, in: folder) < (scheme == "W2A16" ? 300 : 80))
      try expectSound(output)
      let text = try Invocation(
        "generate", output.path, "--prompt", "It was", "--max-tokens", "4")
      #expect(text.status == 0, "\(text.errors)")
    }
  }

  @Test func mixesFormatsAndQuantizesKeysAndValues() throws {
    try withTemporaryFolder { folder in
      let recipe = folder.appending(path: "recipe.yaml")
      try """
      AutoRoundModifier:
        iters: 2
        ignore: [lm_head]
        kv_cache_scheme: {num_bits: 8, type: float, strategy: tensor}
        config_groups:
          attention:
            targets: ["re:.*self_attn"]
            weights: {num_bits: 8, type: float, strategy: channel}
            input_activations: {num_bits: 8, type: float, strategy: token, dynamic: true}
          rest:
            targets: [Linear]
            weights: {num_bits: 4, type: int, strategy: group, group_size: 32}
      """.write(to: recipe, atomically: true, encoding: .utf8)
      let output = folder.appending(path: "out")
      let run = try Invocation(
        ["quantize", model, "--output", output.path, "--recipe", recipe.path] + Self.options)
      #expect(run.status == 0, "\(run.errors)")
      #expect(try format(output) == "mixed-precision")
      #expect(try perplexity(output, in: folder) < 80)
      try expectSound(output)
    }
  }

  /// Arguments that no preset has: odd groups, a scale for each row, one for the tensor, blocks.
  @Test func writtenOutArguments() throws {
    try withTemporaryFolder { folder in
      let recipe = folder.appending(path: "recipe.yaml")
      try """
      AutoRoundModifier:
        iters: 1
        ignore: [lm_head]
        config_groups:
          a: {targets: ["re:.*layers.0.*(q|k|v)_proj"], weights: {num_bits: 7, symmetric: false, group_size: 64}}
          b: {targets: ["re:.*layers.1.*(q|k|v)_proj"], weights: {num_bits: 6, group_size: -1}}
          c: {targets: ["re:.*layers.[2-5].*(q|k|v)_proj"], weights: {num_bits: 8, strategy: tensor}}
          d: {targets: ["re:.*o_proj"], weights: {num_bits: 8, type: float, strategy: block, block_structure: [64, 32]}}
          e: {targets: ["re:.*[0-2].mlp.(gate|up)_proj"], weights: {num_bits: 8, strategy: tensor, symmetric: false}}
          f: {targets: ["re:.*[3-5].mlp.(gate|up)_proj"], weights: {num_bits: 8, strategy: channel, symmetric: false}}
          g: {targets: [Linear], weights: {num_bits: 5, symmetric: false, group_size: 96}}
          h: {targets: [model.layers.0.mlp.down_proj], weights: {num_bits: 3, group_size: 32}}
      """.write(to: recipe, atomically: true, encoding: .utf8)
      let output = folder.appending(path: "out")
      let run = try Invocation(
        ["quantize", model, "--output", output.path, "--recipe", recipe.path] + Self.options)
      #expect(run.status == 0, "\(run.errors)")
      #expect(try format(output) == "mixed-precision")
      #expect(try perplexity(output, in: folder) < 60)
      try expectSound(output)
    }
  }

  /// Scales that were searched lose less than plain ones, and tuning from them is no worse.
  @Test func searchesScales() throws {
    try withTemporaryFolder { folder in
      func run(_ name: String, _ more: String...) throws -> Double {
        let output = folder.appending(path: name)
        let run = try Invocation(
          ["quantize", model, "--output", output.path, "--scheme", "W4A16", "--json"]
            + Self.options + more)
        #expect(run.status == 0, "\(run.errors)")
        let blocks = try #require(try JSONValue.parse(run.lastLine)["blocks"]?.arrayValue)
        return try #require(blocks[0]["final_loss"]?.doubleValue)
      }
      let plain = try run("plain", "--iterations", "0", "--disable-opt-rtn")
      let searched = try run("searched", "--iterations", "0")
      let tuned = try run("tuned", "--iterations", "16", "--algorithm", "signround-v2")
      #expect(searched < plain)
      #expect(tuned < searched)
    }
  }
}
