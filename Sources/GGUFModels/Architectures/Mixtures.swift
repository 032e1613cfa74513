import JSONText
import LanguageModels
import Recordings

extension GGUFArchitectures {
  /// Families with experts that are not variants of a dense one.
  static let mixtures: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "olmoe", modelTypes: ["olmoe"],
      modules: GGUFArchitecture.headNorms + GGUFArchitecture.experts(), needsHead: true,
      features: [.unnormalizedExperts],
      remark: { facts in
        facts.shape.map { $0.headCount != $0.keyValueHeadCount } == true
          ? "does not load models of olmoe with fewer heads of keys than of queries" : nil
      },
      configuration: .olmoe),
    GGUFArchitecture(
      name: "gpt-oss", modelTypes: ["gpt_oss"],
      modules: GGUFArchitecture.experts(router: "router")
        + ["post_attention_layernorm": "post_attention_norm"],
      tensors: ["self_attn.sinks": "attn_sinks.weight"], needsHead: true,
      features: [.sinks, .normalizedExperts], function: .swish(factor: 1.702, bound: 7),
      slidingPeriod: 2,
      remark: { facts in
        facts.configuration.value["rope_parameters"]?["truncate"] == false
          || facts.configuration.value["rope_scaling"]?["truncate"] == false
          ? "rounds the bounds between which yarn mixes angles (truncate)" : nil
      }, keys: [.window, .expertWidth],
      configuration: .gptOss),
    GGUFArchitecture(
      name: "ernie4_5-moe", modelTypes: ["ernie4_5_moe"],
      modules: GGUFArchitecture.experts() + GGUFArchitecture.sharedExpert("mlp.shared_experts"),
      tensors: ["mlp.moe_statics.e_score_correction_bias": "exp_probs_b.bias"],
      features: [.leadingDenseBlocks, .normalizedExperts],
      keys: [
        .count("interleave_moe_layer_step", as: "moe_layer_interval") {
          $0.configuration.value["moe_layer_interval"]?.intValue ?? 1
        },
        .leadingDenseBlocks, .expertWidth, .sharedExperts, .sharedWidth,
      ],
      configuration: .ernie45Moe),
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
      ],
      configuration: .glm4Moe),
    GGUFArchitecture(
      name: "hunyuan-moe", modelTypes: ["hunyuan_v1_moe"],
      modules: GGUFArchitecture.experts(router: "gate.wg")
        + GGUFArchitecture.sharedExpert("mlp.shared_mlp") + [
          "self_attn.query_layernorm": "attn_q_norm", "self_attn.key_layernorm": "attn_k_norm",
        ], features: [.normalizedExperts, .normsAfterRotation],
      keys: [.sharedWidth, .expertWidth, .sharedExperts],
      configuration: .hunyuanV1Moe),
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
      ], remark: latentRemark,
      keys: KeyRule.expertGroups + [.leadingDenseBlocks, .vocabularySize]
        + KeyRule.latentAttention + [
          .expertWidth, .sharedExperts, .expertFactor, .normalizesExperts, .gatingFunction,
          .rotatedChannels,
        ],
      configuration: .deepseekV2),
    GGUFArchitecture(
      name: "minimax-m2", modelTypes: ["minimax_m2"],
      modules: GGUFArchitecture.headNorms
        + GGUFArchitecture.experts(in: "block_sparse_moe", names: ("w1", "w3", "w2")),
      tensors: ["block_sparse_moe.e_score_correction_bias": "exp_probs_b.bias"], needsHead: true,
      features: [.normalizedExperts, .sigmoidExperts],
      keys: [.gatingFunction, .expertWidth, .rotatedChannels],
      configuration: .minimaxM2),
    GGUFArchitecture(
      name: "llama4", modelTypes: ["llama4_text"],
      modules: GGUFArchitecture.experts(in: "feed_forward", router: "router")
        + GGUFArchitecture.sharedExpert("feed_forward.shared_expert") + [
          "feed_forward.gate_proj": "ffn_gate", "feed_forward.up_proj": "ffn_up",
          "feed_forward.down_proj": "ffn_down",
        ], readsRotaryFactors: true,
      features: [
        .chunks, .queryGrowth, .unrotatedBlocks, .normsAfterRotation, .sigmoidExperts,
        .unnormalizedExperts, .leadingDenseBlocks, .scatteredDenseBlocks,
      ], refusal: chunkRefusal,
      keys: [
        .vocabularySize, .rotatedChannels, .expertWidth,
        .count("feed_forward_length") { facts in
          facts.configuration.value["intermediate_size_mlp"]?.intValue ?? facts.feedForwardWidth
        },
        .count("interleave_moe_layer_step") { facts in
          (facts.experts.firstIndex { $0 != nil } ?? 0) + 1
        },
      ]),
  ]

  /// Llama 4's chunks, blocks without positions and growth of queries are not in files.
  @Sendable private static func chunkRefusal(_ facts: ModelFacts) -> String? {
    let step = (facts.experts.firstIndex { $0 != nil } ?? 0) + 1
    for (index, (shape, rotary)) in zip(facts.shapes, facts.rotaries).enumerated() {
      let isFull = (index + 1).isMultiple(of: 4)
      guard let shape, shape.visible == (isFull ? .all : .chunk(8192)) else {
        return "chunks of other sizes than 8192, or in other blocks than all but every 4th"
      }
      if isFull,
        rotary?.growth != RotarySettings.QueryGrowth(strength: 0.1, period: 8192, shift: 1)
      {
        return "queries that grow otherwise than by 0.1 each 8192 positions"
      }
      if !isFull, (facts.attentions[index]?.queryNorm == nil) != (facts.routing?.experts == 128) {
        return "norms of queries with 128 experts, or none with other numbers of them"
      }
      if (facts.experts[index] != nil) != (index + 1).isMultiple(of: step) {
        return "experts in other blocks than every \(step)th"
      }
    }
    return nil
  }

  @Sendable private static func latentRemark(_ facts: ModelFacts) -> String? {
    guard let latent = facts.latent else { return nil }
    if latent.queryLatent == nil, ![26, 27].contains(facts.blockCount),
      (facts.blockCount, facts.model.vocabularySize) != (48, 128_256)
    {
      return "loads models of deepseek2 without a latent state of queries only with 26 or 27 blocks"
    }
    let epsilon = latent.keyValueLatent.norm.kind.epsilon
    return facts.norm?.epsilon == epsilon
      ? nil : "computes norms of latent states with the epsilon of the others, not with \(epsilon)"
  }
}
