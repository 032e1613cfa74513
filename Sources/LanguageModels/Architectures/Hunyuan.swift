import JSONText

/// Hunyuan, dense: Llama with norms of heads after the rotation.
enum Hunyuan: Architecture {
  static let modelTypes = ["hunyuan_v1_dense"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, .init(epsilon: 1e-5))
    var parts = LlamaParts(keys)
    let bias = try configuration.bool("attention_bias", default: false)
    (parts.hasInputBias, parts.hasOutputBias) = (bias, bias)
    parts.hasHeadNorms = true
    parts.headNormNames = ("self_attn.query_layernorm", "self_attn.key_layernorm")
    var attention = parts.attention(
      keys.attentionShape(), rotary: try RotaryReader(keys).settings())
    attention.normsAfterRotation = true
    let block = parts.preNormBlock(
      attention, parts.feedForward(try configuration.size("intermediate_size")))
    return parts.model(Array(repeating: block, count: keys.blockCount))
  }
}
