import JSONText
import LanguageModels

/// Granite: Llama with four numbers that others do not have.
enum Granite: Architecture {
  static let modelTypes = ["granite"]
  static let about = FamilyDescription(
    "Granite 3", "factors on embedding, residuals, scores and logits")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration)
    var parts = DecoderParts(keys)
    try parts.readBiases(knowsFeedForward: true)
    let attention = parts.attention(
      keys.attentionShape(
        scale: try configuration.float("attention_multiplier", default: 1)),
      rotary: try RotaryReader(keys).settings())
    let block = parts.block(
      attention, try parts.feedForward(),
      factor: try configuration.float("residual_multiplier", default: 1))
    return try scaled(parts.model(of: block), configuration)
  }

  /// The model with the factors on embedding and logits.
  static func scaled(
    _ model: ModelDescription, _ configuration: JSONReader
  ) throws -> ModelDescription {
    var model = model
    model.front.factor = try configuration.float("embedding_multiplier", default: 1)
    model.end.factor = Float(1 / (try configuration.optional("logits_scaling")?.positive() ?? 1))
    return model
  }
}
