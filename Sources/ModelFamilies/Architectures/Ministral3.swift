import JSONText
import LanguageModels

/// Ministral 3: Llama with YaRN, whose queries grow with their position.
enum Ministral3: Architecture {
  static let modelTypes = ["ministral3"]
  static let about = FamilyDescription("Ministral 3", "queries grow with their position")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 8, headSize: 128, positionLimit: 262_144, epsilon: 1e-5))
    let parts = DecoderParts(keys)
    var reader = RotaryReader(keys)
    (reader.base, reader.kind) = (1e6, "yarn")
    reader.absent = [
      "rope_type": "yarn", "factor": 16, "original_max_position_embeddings": 16_384, "mscale": 1,
      "mscale_all_dim": 1,
    ]
    var rotary = try reader.settings()
    let inner = try reader.inner() ?? configuration
    let strength = try inner.number("llama_4_scaling_beta", default: 0.1)
    let period =
      try inner.optional("original_max_position_embeddings")?.positive() ?? 16_384
    if strength != 0 {
      rotary.growth = .init(strength: strength, period: period, shift: 0)
    }
    let block = parts.block(
      parts.attention(keys.attentionShape(), rotary: rotary),
      try parts.feedForward())
    return parts.model(of: block)
  }
}
