import Checkpoints
import Diagnostics
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import TestSupport
import Testing

/// Checkpoints whose experts are not those of their configuration.
@Suite struct ExpertTensorTests {
  @Test(
    arguments: [
      ("qwen3_next", "num_experts", 9, ["mlp.gate.weight", "[8, 64]", "[9, 64]"]),
      ("qwen3_next", "moe_intermediate_size", 25, ["experts.0.gate_proj.weight", "[25, 64]"]),
      ("granitemoe", "num_local_experts", 7, ["router.layer.weight", "[6, 64]", "[7, 64]"]),
      ("gpt_oss", "intermediate_size", 33, ["gate_up_proj", "[6, 64, 64]", "[6, 64, 66]"]),
    ] as [(String, String, JSONValue, [String])])
  func otherNumbersThanTheConfiguration(
    model: String, key: String, value: JSONValue, mentions: [String]
  ) throws {
    let oracle = try OracleModel(model, changes: [key: value])
    expectInputError(.malformed, mentioning: mentions) {
      try oracle.checkpoint.requireTensors(of: oracle.description)
    }
  }

  /// One expert has another shape, or another name, than the others.
  @Test(
    arguments: [
      ("qwen3_next", "mlp.experts.3.up_proj.weight", "[24,64]", "[64,24]"),
      ("qwen3_next", "mlp.experts.3.up_proj.weight", "experts.3", "experts.9"),
      ("granitemoe", "block_sparse_moe.output_linear.weight", "[6,64,24]", "[3,64,48]"),
      ("gpt_oss", "mlp.experts.down_proj_bias", "[6,64]", "[64,6]"),
    ])
  func oneOfThemIsOther(model: String, tensor: String, own: String, other: String) throws {
    let source = Fixtures.folder.appending(path: "models/\(model)")
    try withTemporaryFolder { folder in
      var bytes = try Data(contentsOf: source.appending(path: "model.safetensors"))
      let name = "\"model.layers.0.\(tensor)\""
      let entry = try #require(bytes.range(of: Data(name.utf8)))
      let part = try #require(
        bytes.range(of: Data(own.utf8), in: entry.lowerBound..<bytes.count))
      bytes.replaceSubrange(part, with: Data(other.utf8))
      try bytes.write(to: folder.appending(path: "model.safetensors"))
      try FileManager.default.copyItem(
        at: source.appending(path: "config.json"), to: folder.appending(path: "config.json"))
      let checkpoint = try Checkpoint(opening: folder)
      let description = try Architectures.describe(
        JSONReader(checkpoint.configuration), shapes: checkpoint.tensorShapes)
      expectInputError(other.hasPrefix("[") ? .malformed : .missing, mentioning: [tensor]) {
        try checkpoint.requireTensors(of: description)
      }
    }
  }
}
