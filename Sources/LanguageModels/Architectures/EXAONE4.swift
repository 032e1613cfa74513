import Compute
import JSONText

/// EXAONE 4: norms after the sublayers and of heads; blocks without a window know no positions.
enum EXAONE4: Architecture {
  static let modelTypes = ["exaone4"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 32, positionLimit: 2048, epsilon: 1e-5))
    var parts = LlamaParts(keys)
    parts.hasHeadNorms = true
    let rotary = try RotaryReader(keys).settings()
    let window = try configuration.window(default: 4096)
    let size = try configuration.size("intermediate_size")
    let isSliding =
      window == nil
      ? Array(repeating: false, count: keys.blockCount)
      : try configuration.slidingBlocks(count: keys.blockCount, else: pattern(configuration))
    return parts.model(
      isSliding.map { isSliding in
        let shape = keys.attentionShape(visible: .init(window: isSliding ? window : nil))
        return parts.postNormBlock(
          parts.attention(shape, rotary: isSliding || window == nil ? rotary : nil),
          parts.feedForward(size))
      })
  }

  /// Every n-th block is full, or the one that a pattern such as LLLG has a G for.
  private static func pattern(_ configuration: JSONReader) throws -> (Int) -> Bool {
    guard let reader = try configuration.optional("sliding_window_pattern") else {
      return { ($0 + 1) % 4 != 0 }
    }
    if let letters = reader.value.stringValue.map(Array.init), !letters.isEmpty {
      return { letters[$0 % letters.count] == "L" }
    }
    let interval = try reader.int(in: 1...10_000)
    return { ($0 + 1) % interval != 0 }
  }
}
