import JSONText
import LanguageModels
import Recordings

extension GGUFArchitectures {
  /// Families with experts that are not variants of a dense one.
  static let mixtures: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "olmoe", modelTypes: ["olmoe"],
      modules: GGUFArchitecture.headNorms + GGUFArchitecture.experts(), needsHead: true,
      features: [.unnormalizedExperts]),
    GGUFArchitecture(
      name: "gpt-oss", modelTypes: ["gpt_oss"],
      modules: GGUFArchitecture.experts(router: "router")
        + ["post_attention_layernorm": "post_attention_norm"],
      tensors: ["self_attn.sinks": "attn_sinks.weight"], needsHead: true,
      features: [.sinks, .normalizedExperts], function: .swish(factor: 1.702, bound: 7),
      slidingPeriod: 2, keys: [.window, .expertWidth]),
    GGUFArchitecture(
      name: "ernie4_5-moe", modelTypes: ["ernie4_5_moe"],
      modules: GGUFArchitecture.experts() + GGUFArchitecture.sharedExpert("mlp.shared_experts"),
      tensors: ["mlp.moe_statics.e_score_correction_bias": "exp_probs_b.bias"],
      features: [.leadingDenseBlocks, .normalizedExperts],
      keys: [
        .count("interleave_moe_layer_step") {
          $0.configuration.value["moe_layer_interval"]?.intValue ?? 1
        },
        .leadingDenseBlocks, .expertWidth, .sharedExperts, .sharedWidth,
      ]),
    GGUFArchitecture(
      name: "glm4moe", modelTypes: ["glm4_moe"],
      modules: GGUFArchitecture.headNorms + GGUFArchitecture.experts()
        + GGUFArchitecture.sharedExpert("mlp.shared_experts")
        + ["post_attention_layernorm": "post_attention_norm"],
      tensors: ["mlp.gate.e_score_correction_bias": "exp_probs_b.bias"], needsHead: true,
      features: [
        .leadingDenseBlocks, .normalizedExperts, .unnormalizedExperts, .sigmoidExperts,
        .expertGroups, .expertFactor,
      ],
      keys: KeyRule.expertGroups + [
        .rotatedChannels, .expertWidth, .sharedExperts, .leadingDenseBlocks, .gatingFunction,
        .expertFactor, .normalizesExperts,
      ]),
    GGUFArchitecture(
      name: "hunyuan-moe", modelTypes: ["hunyuan_v1_moe"],
      modules: GGUFArchitecture.experts(router: "gate.wg")
        + GGUFArchitecture.sharedExpert("mlp.shared_mlp") + [
          "self_attn.query_layernorm": "attn_q_norm", "self_attn.key_layernorm": "attn_k_norm",
        ], features: [.normalizedExperts, .normsAfterRotation],
      keys: [.sharedWidth, .expertWidth, .sharedExperts]),
    // Keys and values are computed as the heads see them: the layer that makes them keeps its rows, which runtimes that
    // keep the latent would have to turn.
    GGUFArchitecture(
      name: "deepseek2",
      modelTypes: ["deepseek_v2", "deepseek_v3", "kimi_k2", "glm4_moe_lite"],
      modules: GGUFArchitecture.experts() + GGUFArchitecture.sharedExpert("mlp.shared_experts")
        + [
          "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm",
          "self_attn.q_b_proj": "attn_q_b", "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
          "self_attn.kv_a_layernorm": "attn_kv_a_norm", "self_attn.kv_b_proj": "attn_kv_b",
        ],
      tensors: ["mlp.gate.e_score_correction_bias": "exp_probs_b.bias"],
      features: [
        .scoreScale, .leadingDenseBlocks, .normalizedExperts, .unnormalizedExperts,
        .sigmoidExperts, .expertGroups, .expertFactor,
      ],
      keys: KeyRule.expertGroups + [.leadingDenseBlocks, .vocabularySize]
        + KeyRule.latentAttention + [
          .expertWidth, .sharedExperts, .expertFactor, .normalizesExperts, .gatingFunction,
          .rotatedChannels,
        ]),
    GGUFArchitecture(
      name: "minimax-m2", modelTypes: ["minimax_m2"],
      modules: GGUFArchitecture.headNorms
        + GGUFArchitecture.experts(in: "block_sparse_moe", names: ("w1", "w3", "w2")),
      tensors: ["block_sparse_moe.e_score_correction_bias": "exp_probs_b.bias"], needsHead: true,
      features: [.normalizedExperts, .sigmoidExperts],
      keys: [.gatingFunction, .expertWidth, .rotatedChannels]),
  ]
}
