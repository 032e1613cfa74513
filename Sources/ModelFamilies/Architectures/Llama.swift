import JSONText
import LanguageModels

/// Llama 1 to 3.x, and models published under its name.
enum Llama: Architecture {
  static let modelTypes = ["llama"]
  static let about = FamilyDescription("Llama 1 to 3.x, SmolLM2, and many more")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration)
    var parts = DecoderParts(keys)
    try parts.readBiases(knowsFeedForward: true)
    let rotary = try RotaryReader(keys).settings()
    let block = parts.block(
      parts.attention(keys.attentionShape(), rotary: rotary),
      try parts.feedForward())
    return parts.model(of: block)
  }
}
