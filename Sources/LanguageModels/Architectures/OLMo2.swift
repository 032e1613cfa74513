import Compute
import JSONText

/// OLMo 2: norms after the sublayers, and of all queries and all keys of a token together.
enum OLMo2: Architecture {
  static let modelTypes = ["olmo2"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, .init(epsilon: 1e-5))
    let rotary = try RotaryReader(keys).settings()
    let block = try block(keys, keys.attentionShape(), rotary)
    return LlamaParts(keys).model(Array(repeating: block, count: keys.blockCount))
  }

  static func block(
    _ keys: DecoderConfiguration, _ shape: AttentionShape, _ rotary: RotarySettings
  ) throws -> ResidualBlock {
    var parts = LlamaParts(keys)
    let bias = try keys.reader.bool("attention_bias", default: false)
    (parts.hasInputBias, parts.hasOutputBias) = (bias, bias)
    return parts.postNormBlock(
      parts.withWholeNorms(parts.attention(shape, rotary: rotary)),
      parts.feedForward(try keys.reader.size("intermediate_size")))
  }
}
