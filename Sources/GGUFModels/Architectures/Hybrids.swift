import LanguageModels
import Recordings

extension GGUFArchitectures {
  /// Convolutions beside attention.
  static let hybrids: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "lfm2", modelTypes: ["lfm2"], modules: convolutions, finalNorm: "token_embd_norm",
      keys: convolutionKeys,
      configuration: .lfm2),
    GGUFArchitecture(
      name: "lfm2moe", modelTypes: ["lfm2_moe"],
      modules: convolutions
        + GGUFArchitecture.experts(in: "feed_forward", names: ("w1", "w3", "w2")),
      tensors: ["feed_forward.expert_bias": "exp_probs_b.bias"], finalNorm: "token_embd_norm",
      hasHead: false, features: [.leadingDenseBlocks, .normalizedExperts, .sigmoidExperts],
      keys: [.expertWidth, .leadingDenseBlocks, .gatingFunction] + convolutionKeys,
      configuration: .lfm2Moe),
    GGUFArchitecture(
      name: "nemotron_h", modelTypes: ["nemotron_h"], modules: mixers, tensors: mixerTensors,
      features: [.unrotatedBlocks], function: .squaredReLU, withExperts: "nemotron_h_moe",
      remark: stepRemark,
      keys: [.vocabularySize, .innerEpsilon] + KeyRule.linearAttention + [
        .ofBlocks("feed_forward_length") { $0.feedForwards.map { $0?.output.inputs ?? 0 } }
      ]),
    GGUFArchitecture(
      name: "nemotron_h_moe", modelTypes: [],
      modules: mixers + [
        "mixer.gate": "ffn_gate_inp", "mixer.experts.*.up_proj": "ffn_up_exps",
        "mixer.experts.*.down_proj": "ffn_down_exps",
        "mixer.shared_experts.up_proj": "ffn_up_shexp",
        "mixer.shared_experts.down_proj": "ffn_down_shexp",
        "mixer.fc1_latent_proj": "ffn_latent_down", "mixer.fc2_latent_proj": "ffn_latent_up",
      ],
      tensors: mixerTensors + ["mixer.gate.e_score_correction_bias": "exp_probs_b.bias"],
      features: [
        .unrotatedBlocks, .leadingDenseBlocks, .scatteredDenseBlocks, .normalizedExperts,
        .unnormalizedExperts, .sigmoidExperts, .expertGroups, .expertFactor,
      ], function: .squaredReLU,
      refusal: { facts in
        facts.feedForwards.contains { $0 != nil }
          ? "feed-forward parts beside blocks of experts" : nil
      }, remark: stepRemark,
      keys: [
        .vocabularySize, .innerEpsilon, .expertWidth, .sharedWidth, .sharedExperts,
        .normalizesExperts, .expertFactor,
        .count("moe_latent_size") { $0.mixture?.latent?.input.outputs },
      ] + KeyRule.expertGroups + KeyRule.linearAttention + [
        .ofBlocks("feed_forward_length") { facts in
          facts.experts.map { $0?.experts.first?.up.outputs ?? 0 }
        }
      ]),
  ]

  private static let mixers = [
    "norm": "attn_norm", "mixer.q_proj": "attn_q", "mixer.k_proj": "attn_k",
    "mixer.v_proj": "attn_v", "mixer.o_proj": "attn_output", "mixer.in_proj": "ssm_in",
    "mixer.conv1d": "ssm_conv1d", "mixer.norm": "ssm_norm", "mixer.out_proj": "ssm_out",
    "mixer.up_proj": "ffn_up", "mixer.down_proj": "ffn_down",
  ]

  private static let mixerTensors = [
    "mixer.A_log": "ssm_a", "mixer.D": "ssm_d", "mixer.dt_bias": "ssm_dt.bias",
  ]

  @Sendable private static func stepRemark(_ facts: ModelFacts) -> String? {
    guard case .stateSpace(let least, _) = facts.stateSpace?.scan.rule, least > 0 else {
      return nil
    }
    return "has no least step of state spaces, which is \(least) here"
  }

  private static let convolutions = [
    "operator_norm": "attn_norm", "ffn_norm": "ffn_norm", "self_attn.out_proj": "attn_output",
    "self_attn.q_layernorm": "attn_q_norm", "self_attn.k_layernorm": "attn_k_norm",
    "conv.conv": "shortconv.conv", "conv.in_proj": "shortconv.in_proj",
    "conv.out_proj": "shortconv.out_proj", "feed_forward.w1": "ffn_gate",
    "feed_forward.w3": "ffn_up", "feed_forward.w2": "ffn_down",
  ]

  private static let convolutionKeys: [KeyRule] = [
    .vocabularySize,
    .count("shortconv.l_cache", as: "conv_L_cache") { $0.convolution?.convolution.kind.taps },
  ]
}
