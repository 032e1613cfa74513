import GGUF
import LanguageModels
import Recordings

extension GGUFArchitectures {
  /// Dense families with layers or norms of their own.
  static let others: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "phi3", modelTypes: ["phi3"],
      modules: ["self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"],
      keys: [
        .rotatedChannels,
        .count("attention.sliding_window", as: "sliding_window") { $0.window ?? 0 },
      ], configuration: .phi3),
    GGUFArchitecture(
      name: "olmo2", modelTypes: ["olmo2", "olmo3"],
      modules: GGUFArchitecture.outputNorms + GGUFArchitecture.headNorms, needsHead: true,
      slidingPeriod: 4, keys: [.window, .slidingBlocks],
      configuration: .olmo2),
    GGUFArchitecture(
      name: "exaone4", modelTypes: ["exaone4"],
      modules: GGUFArchitecture.outputNorms + GGUFArchitecture.headNorms,
      readsRotaryFactors: true, features: [.unrotatedBlocks], slidingPeriod: 4, unrotatedPeriod: 4,
      refusal: { facts in
        (facts.window == nil) == (facts.blockCount == 64)
          ? "\(facts.blockCount) blocks \(facts.window == nil ? "without" : "with") windows" : nil
      }, keys: [.vocabularySize, .window, .slidingBlocks],
      configuration: .exaone4),
    GGUFArchitecture(
      name: "glm4", modelTypes: ["glm4"],
      modules: [
        "mlp.gate_up_proj": "ffn_up", "post_self_attn_layernorm": "post_attention_norm",
        "post_mlp_layernorm": "post_ffw_norm",
      ], keys: [.rotatedChannels],
      configuration: .glm4),
    GGUFArchitecture(
      name: "cohere2", modelTypes: ["cohere2"], hasHead: false,
      features: [.logitFactor, .unrotatedBlocks, .parallelSublayers], slidingPeriod: 4,
      unrotatedPeriod: 4,
      keys: [
        .number("logit_scale", as: "logit_scale") { $0.model.end.factor }, .window, .vocabularySize,
        .rotatedChannels, .constant("rope.scaling.type", .string("none")),
      ], configuration: .cohere2),
    GGUFArchitecture(
      name: "starcoder2", modelTypes: ["starcoder2"],
      modules: ["mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"], function: .geluTanh,
      configuration: .starcoder2),
    GGUFArchitecture(
      name: "hunyuan-dense", modelTypes: ["hunyuan_v1_dense"],
      modules: [
        "self_attn.query_layernorm": "attn_q_norm", "self_attn.key_layernorm": "attn_k_norm",
      ], features: [.normsAfterRotation],
      configuration: .hunyuanV1Dense),
    GGUFArchitecture(
      name: "nemotron", modelTypes: ["nemotron"], needsHead: true, function: .squaredReLU,
      keys: [.vocabularySize, .rotatedChannels],
      configuration: .nemotron),
  ]
}
