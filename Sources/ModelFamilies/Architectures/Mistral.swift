import JSONText
import LanguageModels
import Recordings

/// Mistral: Llama without biases, with one sliding window for all blocks; Ministral, where `layer_types` tells the blocks
/// that have it.
enum Mistral: Architecture {
  static let modelTypes = ["mistral", "ministral"]
  static let about = FamilyDescription("Mistral, Ministral", "a window, in all or in some blocks")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 8, positionLimit: 131_072))
    let parts = DecoderParts(keys)
    let rotary = try RotaryReader(keys).settings()
    let window = try configuration.window(default: 4096)
    let feedForward = try parts.feedForward()
    return parts.model(
      try configuration.slidingBlocks(count: keys.blockCount) { _ in true }.map { isSliding in
        parts.block(
          parts.attention(
            keys.attentionShape(visible: .init(window: isSliding ? window : nil)), rotary: rotary),
          feedForward)
      })
  }
}
