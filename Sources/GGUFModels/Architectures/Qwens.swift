import Diagnostics
import GGUF
import JSONText
import LanguageModels
import Recordings

extension GGUFArchitectures {
  static let qwens: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "qwen2", modelTypes: ["qwen2"], configuration: .qwen2),
    GGUFArchitecture(
      name: "qwen3", modelTypes: ["qwen3"], modules: GGUFArchitecture.headNorms,
      configuration: .qwen3),
    GGUFArchitecture(
      name: "qwen2moe", modelTypes: ["qwen2_moe"],
      modules: GGUFArchitecture.experts() + GGUFArchitecture.sharedExpert("mlp.shared_expert")
        + ["mlp.shared_expert_gate": "ffn_gate_inp_shexp"], needsHead: true,
      features: [.unnormalizedExperts], keys: [.expertWidth, .sharedWidth],
      configuration: .qwen2Moe),
    GGUFArchitecture(
      name: "qwen3moe", modelTypes: ["qwen3_moe"],
      modules: GGUFArchitecture.headNorms + GGUFArchitecture.experts(),
      features: [.normalizedExperts], keys: [.expertWidth],
      configuration: .qwen3Moe),
    GGUFArchitecture(
      name: "qwen2vl", modelTypes: ["qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text"],
      keys: [.coordinates], configuration: .qwen2),
    GGUFArchitecture(
      name: "qwen3vl", modelTypes: ["qwen3_vl", "qwen3_vl_text"],
      modules: GGUFArchitecture.headNorms, keys: [.coordinates, .furtherImageInputs],
      configuration: .qwen3),
    GGUFArchitecture(
      name: "qwen3vlmoe", modelTypes: ["qwen3_vl_moe", "qwen3_vl_moe_text"],
      modules: GGUFArchitecture.headNorms + GGUFArchitecture.experts(),
      features: [.normalizedExperts], keys: [.expertWidth, .coordinates, .furtherImageInputs],
      configuration: .qwen3Moe),
    // Projections of queries, keys, values and gates stay one, as in the runtime's older files: rows are as they were.
    GGUFArchitecture(
      name: "qwen3next", modelTypes: ["qwen3_next"],
      modules: linearAttention + experts
        + ["linear_attn.in_proj_qkvz": "ssm_in", "linear_attn.in_proj_ba": "ssm_ba"],
      tensors: linearTensors, features: [.gatedQueries, .normalizedExperts], remark: scanRemark,
      keys: [.expertWidth, .sharedWidth] + KeyRule.linearAttention + [
        .fullAttentionInterval, .rotatedChannels,
      ],
      configuration: .qwen3Next),
    GGUFArchitecture(
      name: "qwen35", modelTypes: ["qwen3_5_text", "qwen3_5"], modules: linearAttention,
      tensors: linearTensors, spreadsValueHeads: true, features: [.gatedQueries],
      remark: scanRemark,
      keys: hybridKeys,
      configuration: .qwen35Text),
    GGUFArchitecture(
      name: "qwen35moe", modelTypes: ["qwen3_5_moe_text", "qwen3_5_moe"],
      modules: linearAttention + experts,
      tensors: linearTensors, spreadsValueHeads: true,
      features: [.gatedQueries, .normalizedExperts], remark: scanRemark,
      keys: [.expertWidth, .sharedWidth] + hybridKeys,
      configuration: .qwen35MoeText),
  ]

  @Sendable private static func scanRemark(_ facts: ModelFacts) -> String? {
    facts.delta.map { $0.scan.keySize != $0.scan.valueSize } == true
      ? "loads linear attention only where heads of keys and of values have the same size" : nil
  }

  private static let experts =
    GGUFArchitecture.experts() + GGUFArchitecture.sharedExpert("mlp.shared_expert")
    + ["mlp.shared_expert_gate": "ffn_gate_inp_shexp"]

  private static let linearAttention =
    GGUFArchitecture.headNorms + [
      "post_attention_layernorm": "post_attention_norm", "linear_attn.in_proj_qkv": "attn_qkv",
      "linear_attn.in_proj_z": "attn_gate", "linear_attn.in_proj_b": "ssm_beta",
      "linear_attn.in_proj_a": "ssm_alpha", "linear_attn.conv1d": "ssm_conv1d",
      "linear_attn.norm": "ssm_norm", "linear_attn.out_proj": "ssm_out",
    ]

  private static let linearTensors = [
    "linear_attn.A_log": "ssm_a", "linear_attn.dt_bias": "ssm_dt.bias",
  ]

  private static let hybridKeys =
    KeyRule.linearAttention + [
      .fullAttentionInterval,
      .rotatedChannels,
      .coordinates,
    ]
}
