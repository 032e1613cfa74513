import JSONText
import LanguageModels
import Recordings

/// GLM 4.5 and 4.6: experts chosen by groups and a correction, beside a shared one, in all blocks but the first.
enum GLM4MoE: Architecture {
  static let modelTypes = ["glm4_moe"]
  static let about = FamilyDescription(
    "GLM 4.5 to 4.7", "experts chosen by sigmoid and a correction, within groups; a shared expert")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 8, positionLimit: 131_072, epsilon: 1e-5))
    var parts = DecoderParts(keys)
    parts.hasInputBias = try configuration.bool("attention_bias", default: false)
    parts.hasHeadNorms = try configuration.bool("use_qk_norm", default: false)
    var rotary = RotaryReader(keys)
    rotary.fraction = 0.5
    let attention = parts.attention(keys.attentionShape(), rotary: try rotary.settings())
    var experts = ExpertsReader(parts)
    experts.countKeys = ["n_routed_experts", "num_experts", "num_local_experts"]
    (experts.count, experts.perToken, experts.width) = (128, 8, 1408)
    experts.score = .sigmoid
    experts.normalization = try configuration.bool("norm_topk_prob", default: true) ? 1e-20 : nil
    experts.factor = try configuration.float("routed_scaling_factor", default: 1)
    experts.correction = ("mlp.gate.e_score_correction_bias", [])
    experts.groups = ("n_group", "topk_group")
    try experts.readShared("n_shared_experts", default: 1)
    let first = try configuration.optional("first_k_dense_replace")?.int(in: 0...1 << 24) ?? 1
    let sparse = parts.block(.attention(attention), .experts(try experts.experts()))
    let dense = first > 0 ? parts.block(attention, try parts.feedForward()) : sparse
    return parts.model((0..<keys.blockCount).map { $0 < first ? dense : sparse })
  }
}
