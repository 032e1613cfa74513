import Diagnostics
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import TestSupport
import Testing

/// Configurations of tiny models with a key that makes no sense.
@Suite struct ConfigurationErrorTests {
  private func describe(_ model: String, _ key: String, _ value: JSONValue) throws
    -> ModelDescription
  {
    var configuration = try JSONValue.parse(
      contentsOf: Fixtures.folder.appending(path: "models/\(model)/config.json"))
    configuration.setText(key, value)
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
    ("falcon_h1", "mamba_n_groups", 3, "mamba_n_groups"),
    ("falcon_h1", "mamba_n_heads", 7, "mamba_n_heads"),
    ("falcon_h1", "mamba_d_head", 7, "mamba_d_head"),
    ("falcon_h1", "mamba_d_conv", 9, "mamba_d_conv"),
    ("falcon_h1", "ssm_multipliers", [1, 2], "ssm_multipliers"),
    ("falcon_h1", "mlp_multipliers", [1, 1e300], "mlp_multipliers[1]"),
    ("falcon_h1", "time_step_limit", [2, 1], "time_step_limit"),
    ("lfm2", "layer_types", ["conv", "linear_attention"], "layer_types[1]"),
    ("lfm2", "conv_L_cache", 0, "conv_L_cache"),
    ("lfm2", "block_ffn_dim_multiplier", 1e300, "block_ffn_dim_multiplier"),
    ("nemotron_h", "layers_block_type", ["mamba", "rwkv"], "layers_block_type[1]"),
    ("qwen3_5-text", "linear_num_value_heads", 3, "linear_num_value_heads"),
    ("qwen3_5-text", "linear_key_head_dim", 0, "linear_key_head_dim"),
    ("qwen3_5-text", "layer_types", ["linear_attention"], "layer_types"),
    ("qwen3-moe", "num_experts_per_tok", 9, "num_experts_per_tok"),
    ("qwen3-moe", "num_experts", 0, "num_experts"),
    ("qwen3-moe", "decoder_sparse_step", 0, "decoder_sparse_step"),
    ("qwen3-moe", "mlp_only_layers", [-1], "mlp_only_layers[0]"),
    ("mixtral", "num_experts_per_tok", 1.5, "num_experts_per_tok"),
    ("glm4_moe", "n_group", 4, "n_group"),
    ("glm4_moe", "topk_group", 3, "topk_group"),
    ("hunyuan_v1_moe", "moe_topk", [1], "moe_topk"),
    ("hunyuan_v1_moe", "moe_topk", [1, 7], "moe_topk"),
    ("gpt_oss", "num_experts_per_tok", 7, "num_experts_per_tok"),
    ("gpt_oss", "layer_types", ["full_attention"], "layer_types"),
    ("gpt_oss", "sliding_window", 0, "sliding_window"),
    ("granitemoe", "num_local_experts", 0, "num_local_experts"),
    ("granitemoehybrid", "num_experts_per_tok", 7, "num_experts_per_tok"),
    ("granitemoehybrid", "layer_types", ["mamba"], "layer_types"),
    ("lfm2_moe", "num_dense_layers", -1, "num_dense_layers"),
    ("lfm2_moe", "num_experts", 1, "num_experts_per_tok"),
    ("llama4", "moe_layers", [2], "moe_layers[0]"),
    ("llama4", "layer_types", ["full_attention"], "layer_types"),
    ("llama4", "attention_chunk_size", 0, "attention_chunk_size"),
    ("llama4", "attn_temperature_tuning", "yes", "attn_temperature_tuning"),
    ("llama4", "num_experts_per_tok", 99, "text_config.num_experts_per_tok"),
    ("llama4", "floor_scale", 0, "floor_scale"),
    ("nemotron_h", "n_group", 4, "n_group"),
    ("nemotron_h", "moe_shared_expert_intermediate_size", 0, "moe_shared_expert_intermediate_size"),
    ("nemotron_h", "moe_latent_size", 0, "moe_latent_size"),
    ("qwen3_5_moe", "shared_expert_intermediate_size", 0, "shared_expert_intermediate_size"),
    ("qwen3_next", "num_experts_per_tok", 9, "num_experts_per_tok"),
    ("qwen3_next", "layer_types", ["linear_attention"], "layer_types"),
    ("qwen3_vl_moe", "mlp_only_layers", ["1"], "mlp_only_layers[0]"),
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

  /// Each key of a hybrid's configuration with values of all kinds: what cannot be is an error, and what can is recorded.
  @Test(arguments: [
    "deepseek_v2", "deepseek_v3", "deepseek_v32", "falcon_h1", "gemma4", "gemma4-moe",
    "glm4_moe_lite", "gpt_oss", "granitemoe", "granitemoehybrid", "kimi_linear", "lfm2", "lfm2_moe",
    "llama4", "nemotron_h", "qwen2_moe", "qwen3_5-text", "qwen3_5_moe", "qwen3_next",
    "qwen3_vl_moe",
  ])
  func hybridsAreRecordedOrRefused(model: String) throws {
    let values: [JSONValue] = [
      .null, -1, 0, 1, 3, 5, 1024, 4096, 16_777_216, 1_099_511_627_776, 0.5, 1e300, true, "auto",
      "M-*", [], [1],
      [0.5, -0.5], ["linear_attention", "mlp"], ["num_heads": 3],
    ]
    let folder = Fixtures.folder.appending(path: "models/\(model)")
    for file in ["config.json", "config_hub.json"] {
      let configuration = try JSONValue.parse(contentsOf: folder.appending(path: file))
      let text = configuration["text_config"] ?? configuration
      for key in try #require(text.objectValue).map(\.key) where key != "model_type" {
        for value in values {
          var changed = configuration
          changed.setText(key, value)
          do {
            let description = try Architectures.describe(JSONReader(changed))
            for placed in description.blocks.prefix(4) { #expect(!placed.block.parts.isEmpty) }
          } catch let error as InputError {
            #expect(!error.message.isEmpty)
          }
        }
      }
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

extension JSONValue {
  /// Sets a key of the text model, which a model with images has in an object of its own.
  fileprivate mutating func setText(_ key: String, _ value: JSONValue) {
    guard var text = self["text_config"] else {
      set(key, value)
      return
    }
    text.set(key, value)
    set("text_config", text)
  }
}
