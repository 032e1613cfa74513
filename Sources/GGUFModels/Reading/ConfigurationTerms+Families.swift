import GGUF
import JSONText

/// By the families that files are read as.
extension ConfigurationTerms {
  static let gemma2 = ConfigurationTerms("gemma2", "Gemma2ForCausalLM")
  static let gemma3Text = ConfigurationTerms("gemma3_text", "Gemma3ForCausalLM")
  static let lfm2 = ConfigurationTerms(
    "lfm2", "Lfm2ForCausalLM", names: ["rms_norm_eps": "norm_eps"],
    values: ["block_auto_adjust_ff_dim": false], flags: ["conv_bias": "shortconv.conv.bias"],
    otherBlocks: "conv")
  static let lfm2Moe = ConfigurationTerms(
    "lfm2_moe", "Lfm2MoeForCausalLM",
    names: ["rms_norm_eps": "norm_eps", "first_k_dense_replace": "num_dense_layers"],
    flags: ["conv_bias": "shortconv.conv.bias", "use_expert_bias": "exp_probs_b.bias"],
    otherBlocks: "conv")
  static let llama = ConfigurationTerms(
    "llama", "LlamaForCausalLM", names: ["num_experts": "num_local_experts"],
    others: [
      .init("mixtral", "MixtralForCausalLM", where: { ($0["expert_count"]?.wholeNumber ?? 0) > 0 })
    ])
  static let ministral3 = ConfigurationTerms(
    "ministral3", "Ministral3ForCausalLM", values: ["rope_scaling": ["rope_type": "default"]])
  static let smollm3 = ConfigurationTerms(
    "smollm3", "SmolLM3ForCausalLM", values: ["no_rope_layer_interval": 4])
  static let granite = ConfigurationTerms("granite", "GraniteForCausalLM")
  static let granitemoe = ConfigurationTerms(
    "granitemoe", "GraniteMoeForCausalLM", names: ["num_experts": "num_local_experts"])
  static let seedOss = ConfigurationTerms(
    "seed_oss", "SeedOssForCausalLM", flags: ["attention_out_bias": "attn_output.bias"])
  static let ernie45 = ConfigurationTerms(
    "ernie4_5", "Ernie4_5ForCausalLM", flags: ["use_bias": "attn_q.bias"])
  static let olmoe = ConfigurationTerms(
    "olmoe", "OlmoeForCausalLM", values: ["norm_topk_prob": false])
  static let gptOss = ConfigurationTerms(
    "gpt_oss", "GptOssForCausalLM",
    names: ["num_experts": "num_local_experts", "moe_intermediate_size": "intermediate_size"],
    values: ["rope_scaling": ["rope_type": "default"]], cutsAngles: false)
  static let ernie45Moe = ConfigurationTerms(
    "ernie4_5_moe", "Ernie4_5_MoeForCausalLM",
    names: [
      "num_experts": "moe_num_experts", "num_experts_per_tok": "moe_k",
      "n_shared_experts": "moe_num_shared_experts",
      "first_k_dense_replace": "moe_layer_start_index", "shared_expert_intermediate_size": "",
    ])
  static let glm4Moe = ConfigurationTerms(
    "glm4_moe", "Glm4MoeForCausalLM", names: ["num_experts": "n_routed_experts"],
    values: ["partial_rotary_factor": 1], flags: ["use_qk_norm": "attn_q_norm.weight"])
  static let hunyuanV1Moe = ConfigurationTerms(
    "hunyuan_v1_moe", "HunYuanMoEV1ForCausalLM",
    names: [
      "num_experts_per_tok": "moe_topk", "moe_intermediate_size": "intermediate_size",
      "shared_expert_intermediate_size": "", "n_shared_experts": "",
    ])
  static let deepseekV2 = ConfigurationTerms(
    "deepseek_v2", "DeepseekV2ForCausalLM",
    names: ["num_experts": "n_routed_experts", "head_dim": ""], values: ["q_lora_rank": nil],
    others: [
      .init(
        "deepseek_v3", "DeepseekV3ForCausalLM",
        where: { $0["expert_gating_func"]?.wholeNumber == 2 })
    ])
  static let minimaxM2 = ConfigurationTerms(
    "minimax_m2", "MiniMaxM2ForCausalLM",
    names: [
      "num_experts": "num_local_experts", "moe_intermediate_size": "intermediate_size",
      "partial_rotary_factor": "rotary_dim",
    ])
  static let phi3 = ConfigurationTerms("phi3", "Phi3ForCausalLM")
  static let olmo2 = ConfigurationTerms(
    "olmo2", "Olmo2ForCausalLM",
    others: [.init("olmo3", "Olmo3ForCausalLM", where: { $0.contains("attention.sliding_window") })]
  )
  static let exaone4 = ConfigurationTerms(
    "exaone4", "Exaone4ForCausalLM", values: ["sliding_window": nil])
  static let glm4 = ConfigurationTerms(
    "glm4", "Glm4ForCausalLM", values: ["partial_rotary_factor": 1])
  static let cohere2 = ConfigurationTerms("cohere2", "Cohere2ForCausalLM")
  static let starcoder2 = ConfigurationTerms(
    "starcoder2", "Starcoder2ForCausalLM", names: ["layer_norm_eps": "norm_epsilon"],
    flags: ["use_bias": "attn_q.bias"])
  static let hunyuanV1Dense = ConfigurationTerms("hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM")
  static let nemotron = ConfigurationTerms(
    "nemotron", "NemotronForCausalLM", names: ["layer_norm_eps": "norm_eps"],
    values: ["partial_rotary_factor": 1])
  static let qwen2 = ConfigurationTerms("qwen2", "Qwen2ForCausalLM")
  static let qwen3 = ConfigurationTerms("qwen3", "Qwen3ForCausalLM")
  static let qwen2Moe = ConfigurationTerms(
    "qwen2_moe", "Qwen2MoeForCausalLM", values: ["norm_topk_prob": false],
    flags: ["qkv_bias": "attn_q.bias"])
  static let qwen3Moe = ConfigurationTerms(
    "qwen3_moe", "Qwen3MoeForCausalLM", values: ["norm_topk_prob": true])
  static let qwen3Next = ConfigurationTerms(
    "qwen3_next", "Qwen3NextForCausalLM", values: ["partial_rotary_factor": 1])
  static let qwen35Text = ConfigurationTerms(
    "qwen3_5_text", "Qwen3_5ForCausalLM", values: ["partial_rotary_factor": 1])
  static let qwen35MoeText = ConfigurationTerms(
    "qwen3_5_moe_text", "Qwen3_5MoeForCausalLM", values: ["partial_rotary_factor": 1])
}
