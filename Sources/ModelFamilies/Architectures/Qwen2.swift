import JSONText
import LanguageModels
import Recordings

/// Qwen 2 and 2.5: Llama with biases on queries, keys and values.
enum Qwen2: Architecture {
  static let modelTypes = ["qwen2"]
  static let about = FamilyDescription("Qwen 2 and 2.5, dense", "biases")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 32, positionLimit: 32_768))
    var parts = DecoderParts(keys)
    parts.hasInputBias = true
    return try model(keys, parts)
  }

  /// The model of a Qwen family, whose blocks differ in their windows.
  static func model(_ keys: DecoderConfiguration, _ parts: DecoderParts) throws -> ModelDescription
  {
    let rotary = try RotaryReader(keys).settings()
    let feedForward = try parts.feedForward()
    return parts.model(
      try windows(keys.reader, blockCount: keys.blockCount).map { window in
        parts.block(
          parts.attention(keys.attentionShape(visible: .init(window: window)), rotary: rotary),
          feedForward)
      })
  }

  /// The sliding window of each block: none unless `use_sliding_window` is true; then that of the blocks that
  /// `layer_types` names, or else of those for which `slides` is true of their number and `max_window_layers`.
  static func windows(
    _ configuration: JSONReader, blockCount: Int, where slides: (Int, Int) -> Bool = { $0 >= $1 }
  ) throws -> [Int?] {
    guard try configuration.bool("use_sliding_window", default: false),
      let window = try configuration.window(default: 4096)
    else { return Array(repeating: nil, count: blockCount) }
    let bound = try configuration.optional("max_window_layers")?.int(in: 0...1 << 24) ?? 28
    return try configuration.slidingBlocks(count: blockCount) { slides($0, bound) }
      .map { $0 ? window : nil }
  }
}
