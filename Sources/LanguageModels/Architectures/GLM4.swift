import Compute
import JSONText

/// GLM 4 and its 32B and 9B successors: four norms in a block, neighbours rotated on half of the channels; GLM without the
/// norms after the sublayers.
enum GLM4: Architecture {
  static let modelTypes = ["glm", "glm4"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 2, headSize: 128, positionLimit: 131_072, epsilon: 1.5625e-7))
    var parts = LlamaParts(keys)
    parts.hasInputBias = try configuration.bool("attention_bias", default: true)
    var reader = RotaryReader(keys)
    reader.fraction = 0.5
    var rotary = try reader.settings()
    rotary.pairing = .neighbours
    var block = parts.preNormBlock(
      parts.attention(keys.attentionShape(), rotary: rotary),
      parts.feedForward(try configuration.size("intermediate_size"), isFused: true))
    if try configuration.required("model_type").string() == "glm4" {
      block.stages[0][0].outputNorm = parts.norm("post_self_attn_layernorm")
      block.stages[1][0].outputNorm = parts.norm("post_mlp_layernorm")
    }
    return parts.model(Array(repeating: block, count: keys.blockCount))
  }
}
