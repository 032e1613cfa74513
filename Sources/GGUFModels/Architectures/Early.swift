import GGUF
import LanguageModels
import Recordings

extension GGUFArchitectures {
  /// Families with LayerNorms, most of them with queries, keys and values in one matrix and GELU without a gate.
  static let early: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "gpt2", modelTypes: ["gpt2"],
      modules: [
        "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv",
        "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
      ], approximatesGELU: true, features: [.positionTable], function: .geluTanh),
    GGUFArchitecture(
      name: "gptneox", modelTypes: ["gpt_neox"],
      modules: fused(in: "attention"), needsHead: true, joinsGroups: true,
      approximatesGELU: true, features: [.parallelSublayers], function: .geluTanh,
      keys: [.rotatedChannels, .parallelSublayers]),
    GGUFArchitecture(
      name: "bloom", modelTypes: ["bloom"],
      modules: fused(in: "self_attention"), joinsGroups: true,
      approximatesGELU: true, features: [.headSlopes, .embeddingNorm], function: .geluTanh),
    // The norm before attention is the second one there, where a model has two.
    GGUFArchitecture(
      name: "falcon", modelTypes: ["falcon"],
      modules: fused(in: "self_attention") + ["ln_mlp": "attn_norm", "ln_attn": "attn_norm_2"],
      joinsGroups: true, isParallel: true, approximatesGELU: true, features: [.parallelSublayers],
      function: .geluTanh),
    GGUFArchitecture(
      name: "stablelm", modelTypes: ["stablelm"],
      modules: [
        "self_attn.q_layernorm.norms.*": "attn_q_norm",
        "self_attn.k_layernorm.norms.*": "attn_k_norm",
      ], needsHead: true, features: [.parallelSublayers],
      keys: [.rotatedChannels, .parallelSublayers]),
  ]

  private static func fused(in module: String) -> [String: String] {
    [
      "\(module).query_key_value": "attn_qkv", "\(module).dense": "attn_output",
      "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
    ]
  }
}
