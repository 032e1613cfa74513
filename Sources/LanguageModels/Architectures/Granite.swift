import JSONText

/// Granite: Llama with four numbers that others do not have.
enum Granite: Architecture {
  static let modelTypes = ["granite"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration)
    var parts = LlamaParts(keys)
    let bias = try configuration.bool("attention_bias", default: false)
    (parts.hasInputBias, parts.hasOutputBias) = (bias, bias)
    parts.hasFeedForwardBias = try configuration.bool("mlp_bias", default: false)
    let attention = parts.attention(
      keys.attentionShape(
        scale: Float(try configuration.number("attention_multiplier", default: 1))),
      rotary: try RotaryReader(keys).settings())
    let block = parts.preNormBlock(
      attention, parts.feedForward(try configuration.size("intermediate_size")),
      factor: Float(try configuration.number("residual_multiplier", default: 1)))
    var model = parts.model(Array(repeating: block, count: keys.blockCount))
    model.front.factor = Float(try configuration.number("embedding_multiplier", default: 1))
    model.end.factor = Float(1 / (try configuration.optional("logits_scaling")?.positive() ?? 1))
    return model
  }
}
