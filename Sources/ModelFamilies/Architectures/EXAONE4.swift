import JSONText
import LanguageModels
import Recordings

/// EXAONE 4: norms after the sublayers and of heads; blocks without a window know no positions.
enum EXAONE4: Architecture {
  static let modelTypes = ["exaone4"]
  static let about = FamilyDescription(
    "EXAONE 4", "norms after the sublayers; blocks without a window know no positions")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 32, positionLimit: 2048, epsilon: 1e-5))
    var parts = DecoderParts(keys)
    parts.hasHeadNorms = true
    let rotary = try RotaryReader(keys).settings()
    let window = try configuration.window(default: 4096)
    let feedForward = try parts.feedForward()
    let isSliding =
      window == nil
      ? Array(repeating: false, count: keys.blockCount)
      : try slidingBlocks(configuration, count: keys.blockCount)
    return parts.model(
      isSliding.map { isSliding in
        let shape = keys.attentionShape(visible: .init(window: isSliding ? window : nil))
        return parts.block(
          parts.attention(shape, rotary: isSliding || window == nil ? rotary : nil), feedForward,
          before: nil, after: DecoderParts.outputNorms)
      })
  }

  /// The pattern may be letters, such as LLLG with a G for a full block.
  private static func slidingBlocks(_ configuration: JSONReader, count: Int) throws -> [Bool] {
    let pattern = try configuration.optional("sliding_window_pattern")
    if let letters = pattern?.value.stringValue.map(Array.init), !letters.isEmpty {
      return try configuration.slidingBlocks(count: count) { letters[$0 % letters.count] == "L" }
    }
    return try configuration.slidingBlocks(count: count, fullEvery: 4)
  }
}
