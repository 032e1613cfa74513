import JSONText
import LanguageModels
import Recordings

/// GLM 4 and its 32B and 9B successors: four norms in a block, neighbours rotated on half of the channels; GLM without the
/// norms after the sublayers.
enum GLM4: Architecture {
  static let modelTypes = ["glm", "glm4"]
  static let about = FamilyDescription(
    "GLM 4", "neighbours rotated on half of the channels; fused gate and up projection")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 2, headSize: 128, positionLimit: 131_072, epsilon: 1.5625e-7))
    var parts = DecoderParts(keys)
    parts.hasInputBias = try configuration.bool("attention_bias", default: true)
    var reader = RotaryReader(keys)
    (reader.fraction, reader.pairing) = (0.5, .neighbours)
    let hasOutputNorms = try configuration.required("model_type").string() == "glm4"
    let block = parts.block(
      parts.attention(keys.attentionShape(), rotary: try reader.settings()),
      try parts.feedForward(isFused: true),
      after: hasOutputNorms ? ("post_self_attn_layernorm", "post_mlp_layernorm") : nil)
    return parts.model(of: block)
  }
}
