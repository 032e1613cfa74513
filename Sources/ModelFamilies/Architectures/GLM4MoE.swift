import JSONText
import LanguageModels

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
    let experts = try ExpertsReader.ofDeepSeek(
      parts, .init(count: 128, perToken: 8, width: 1408, factor: 1))
    return try parts.model(
      .attention(attention), experts,
      isDense: configuration.denseBlocks(count: keys.blockCount, first: 1))
  }
}
