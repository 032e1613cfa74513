import JSONText
import LanguageModels
import Recordings

/// OLMo 2: norms after the sublayers, and of all queries and all keys of a token together.
enum OLMo2: Architecture {
  static let modelTypes = ["olmo2"]
  static let about = FamilyDescription(
    "OLMo 2", "norms after the sublayers, and of all queries and keys of a token together")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, .init(epsilon: 1e-5))
    let rotary = try RotaryReader(keys).settings()
    let block = try block(keys, keys.attentionShape(), rotary)
    return DecoderParts(keys).model(Array(repeating: block, count: keys.blockCount))
  }

  static func block(
    _ keys: DecoderConfiguration, _ shape: AttentionShape, _ rotary: RotarySettings
  ) throws -> ResidualBlock {
    var parts = DecoderParts(keys)
    try parts.readBiases()
    return parts.block(
      parts.withWholeNorms(parts.attention(shape, rotary: rotary)), try parts.feedForward(),
      before: nil, after: DecoderParts.outputNorms)
  }
}
