import Compute
import JSONText

/// ERNIE 4.5, dense: Llama with neighbours rotated.
enum ERNIE45: Architecture {
  static let modelTypes = ["ernie4_5"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 2, headSize: 128, positionLimit: 131_072, epsilon: 1e-5, isTied: true))
    var parts = LlamaParts(keys)
    let bias = try configuration.bool("use_bias", default: false)
    (parts.hasInputBias, parts.hasOutputBias, parts.hasFeedForwardBias) = (bias, bias, bias)
    var reader = RotaryReader(keys)
    reader.base = 5e5
    var rotary = try reader.settings()
    rotary.pairing = .neighbours
    let block = parts.preNormBlock(
      parts.attention(keys.attentionShape(), rotary: rotary),
      parts.feedForward(try configuration.size("intermediate_size")))
    return parts.model(Array(repeating: block, count: keys.blockCount))
  }
}
