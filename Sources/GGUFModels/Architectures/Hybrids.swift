import LanguageModels
import Recordings

extension GGUFArchitectures {
  /// Convolutions beside attention.
  static let hybrids: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "lfm2", modelTypes: ["lfm2"], modules: convolutions, finalNorm: "token_embd_norm",
      keys: convolutionKeys),
    GGUFArchitecture(
      name: "lfm2moe", modelTypes: ["lfm2_moe"],
      modules: convolutions
        + GGUFArchitecture.experts(in: "feed_forward", names: ("w1", "w3", "w2")),
      tensors: ["feed_forward.expert_bias": "exp_probs_b.bias"], finalNorm: "token_embd_norm",
      hasHead: false, features: [.leadingDenseBlocks, .normalizedExperts, .sigmoidExperts],
      keys: [.expertWidth, .leadingDenseBlocks, .gatingFunction] + convolutionKeys),
  ]

  private static let convolutions = [
    "operator_norm": "attn_norm", "ffn_norm": "ffn_norm", "self_attn.out_proj": "attn_output",
    "self_attn.q_layernorm": "attn_q_norm", "self_attn.k_layernorm": "attn_k_norm",
    "conv.conv": "shortconv.conv", "conv.in_proj": "shortconv.in_proj",
    "conv.out_proj": "shortconv.out_proj", "feed_forward.w1": "ffn_gate",
    "feed_forward.w3": "ffn_up", "feed_forward.w2": "ffn_down",
  ]

  private static let convolutionKeys: [KeyRule] = [
    .vocabularySize, .count("shortconv.l_cache") { $0.convolution?.convolution.kind.taps },
  ]
}
