import JSONText
import LanguageModels
import Recordings

/// ERNIE 4.5, dense: Llama with neighbours rotated.
enum ERNIE45: Architecture {
  static let modelTypes = ["ernie4_5"]
  static let about = FamilyDescription("ERNIE 4.5, dense", "neighbours rotated")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 2, headSize: 128, positionLimit: 131_072, epsilon: 1e-5, isTied: true))
    var parts = DecoderParts(keys)
    parts.setBiases(try configuration.bool("use_bias", default: false))
    var reader = RotaryReader(keys)
    (reader.base, reader.pairing) = (5e5, .neighbours)
    let block = parts.block(
      parts.attention(keys.attentionShape(), rotary: try reader.settings()),
      try parts.feedForward())
    return parts.model(of: block)
  }
}
