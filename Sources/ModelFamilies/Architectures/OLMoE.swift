import JSONText
import LanguageModels

/// OLMoE: experts in every block, and norms of all queries and all keys of a token together.
enum OLMoE: Architecture {
  static let modelTypes = ["olmoe"]
  static let about = FamilyDescription("OLMoE", "experts; norms of all queries and keys of a token")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(positionLimit: 4096, epsilon: 1e-5))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    var attention = parts.withWholeNorms(
      parts.attention(keys.attentionShape(), rotary: try RotaryReader(keys).settings()))
    attention.bound = try configuration.optional("clip_qkv").map { Float(try $0.positive()) }
    var experts = ExpertsReader(parts)
    (experts.count, experts.perToken) = (64, 8)
    experts.widthKey = "intermediate_size"
    experts.normalization = try configuration.bool("norm_topk_prob", default: false) ? 0 : nil
    return parts.model(of: parts.block(.attention(attention), .experts(try experts.experts())))
  }
}
