import JSONText
import LanguageModels

/// Hunyuan, dense: Llama with norms of heads after the rotation.
enum Hunyuan: Architecture {
  static let modelTypes = ["hunyuan_v1_dense"]
  static let about = FamilyDescription("Hunyuan, dense", "norms of heads after the rotation")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, .init(epsilon: 1e-5))
    let (parts, attention) = try attention(keys)
    return parts.model(of: parts.block(attention, try parts.feedForward()))
  }

  /// The attention of Hunyuan's blocks, and what makes their other parts.
  static func attention(
    _ keys: DecoderConfiguration
  ) throws -> (parts: DecoderParts, attention: SelfAttention) {
    var parts = DecoderParts(keys)
    try parts.readBiases()
    parts.hasHeadNorms = true
    parts.headNormNames = ("self_attn.query_layernorm", "self_attn.key_layernorm")
    var attention = parts.attention(
      keys.attentionShape(), rotary: try RotaryReader(keys).settings())
    attention.normsAfterRotation = true
    return (parts, attention)
  }
}
