import JSONText

/// Llama 1 to 3.x, and models published under its name.
enum Llama: Architecture {
  static let modelTypes = ["llama"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration)
    var parts = LlamaParts(keys)
    let bias = try configuration.bool("attention_bias", default: false)
    (parts.hasInputBias, parts.hasOutputBias) = (bias, bias)
    parts.hasFeedForwardBias = try configuration.bool("mlp_bias", default: false)
    let rotary = try RotaryReader(keys).settings()
    let block = parts.preNormBlock(
      parts.attention(keys.attentionShape(), rotary: rotary),
      parts.feedForward(try configuration.size("intermediate_size")))
    return parts.model(Array(repeating: block, count: keys.blockCount))
  }
}
