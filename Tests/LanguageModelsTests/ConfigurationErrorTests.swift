import Diagnostics
import Foundation
import JSONText
import LanguageModels
import TestSupport
import Testing

/// Configurations of tiny models with a key that makes no sense.
@Suite struct ConfigurationErrorTests {
  private func describe(_ model: String, _ key: String, _ value: JSONValue) throws
    -> ModelDescription
  {
    var configuration = try JSONValue.parse(
      contentsOf: Fixtures.folder.appending(path: "models/\(model)/config.json"))
    configuration.set(key, value)
    return try Architectures.describe(JSONReader(configuration))
  }

  static let mistakes: [(model: String, key: String, value: JSONValue, mentions: String)] = [
    ("granite", "attention_multiplier", 1e300, "attention_multiplier"),
    ("gemma2", "layer_types", ["full_attention"], "layer_types"),
    ("gemma2", "layer_types", ["full_attention", "linear_attention"], "layer_types[1]"),
    ("gemma3", "query_pre_attn_scalar", 0, "query_pre_attn_scalar"),
    ("cohere2", "sliding_window", 0, "sliding_window"),
    ("smollm3", "no_rope_layers", [1], "no_rope_layers"),
    ("smollm3", "no_rope_layers", [1, 2], "no_rope_layers[1]"),
    (
      "qwen2-yarn", "rope_parameters", ["rope_type": "yarn", "rope_theta": 1, "factor": 4], "angles"
    ),
    ("phi3", "rope_parameters", ["rope_type": "longrope", "short_factor": [1]], "short_factor"),
    ("gpt_neox", "rope_parameters", ["partial_rotary_factor": 2], "partial_rotary_factor"),
    ("falcon", "num_kv_heads", 3, "num_kv_heads"),
    ("qwen3-moe", "num_experts_per_tok", 9, "num_experts_per_tok"),
    ("qwen3-moe", "num_experts", 0, "num_experts"),
    ("qwen3-moe", "decoder_sparse_step", 0, "decoder_sparse_step"),
    ("qwen3-moe", "mlp_only_layers", [-1], "mlp_only_layers[0]"),
    ("mixtral", "num_experts_per_tok", 1.5, "num_experts_per_tok"),
    ("glm4_moe", "n_group", 4, "n_group"),
    ("glm4_moe", "topk_group", 3, "topk_group"),
    ("hunyuan_v1_moe", "moe_topk", [1], "moe_topk"),
    ("hunyuan_v1_moe", "moe_topk", [1, 7], "moe_topk"),
  ]

  @Test(arguments: mistakes.indices) func areNamed(index: Int) {
    let mistake = Self.mistakes[index]
    expectInputError(.invalidValue, mentioning: [mistake.mentions]) {
      try describe(mistake.model, mistake.key, mistake.value)
    }
  }

  @Test func whatAFamilyHasInOtherReleasesIsRefused() {
    expectInputError(.unsupported, mentioning: ["OPT 350M"]) {
      try describe("opt", "do_layer_norm_before", false)
    }
    expectInputError(.unsupported, mentioning: ["after the norms"]) {
      try describe("bloom", "apply_residual_connection_post_layernorm", true)
    }
  }

  /// Keys of other families that a family's shapes could be built from.
  @Test(arguments: ["head_dim", "num_key_value_heads"], [2, 3])
  func oddSizesAreRecordedOrRefused(key: String, value: Int) throws {
    for model in ["bloom", "falcon", "gpt2", "gpt_neox", "opt", "phi3", "starcoder2"] {
      do {
        for placed in try describe(model, key, JSONValue(value)).blocks {
          #expect(placed.block.linearLayers.count >= 4, "\(model)")
        }
      } catch let error as InputError {
        #expect(error.place != nil, "\(error)")
      }
    }
  }
}
