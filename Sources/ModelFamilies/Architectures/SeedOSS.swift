import JSONText
import LanguageModels

/// Seed-OSS: Llama with heads of an explicit size, and biases on queries, keys and values.
enum SeedOSS: Architecture {
  static let modelTypes = ["seed_oss"]
  static let about = FamilyDescription("Seed-OSS")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 8, headSize: 128, positionLimit: 524_288))
    var parts = DecoderParts(keys)
    parts.hasInputBias = try configuration.bool("attention_bias", default: true)
    parts.hasOutputBias = try configuration.bool("attention_out_bias", default: false)
    parts.hasFeedForwardBias = try configuration.bool("mlp_bias", default: false)
    let rotary = try RotaryReader(keys).settings()
    let block = parts.block(
      parts.attention(keys.attentionShape(), rotary: rotary),
      try parts.feedForward())
    return parts.model(of: block)
  }
}
