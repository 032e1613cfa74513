import JSONText
import LanguageModels
import Recordings

/// SmolLM 3: Llama of which some blocks know no positions.
enum SmolLM3: Architecture {
  static let modelTypes = ["smollm3"]
  static let about = FamilyDescription("SmolLM 3", "every fourth block knows no positions")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 4, positionLimit: 32_768, isTied: true))
    var parts = DecoderParts(keys)
    try parts.readBiases(knowsFeedForward: true)
    var reader = RotaryReader(keys)
    reader.base = 2e6
    let rotary = try reader.settings()
    let window =
      try configuration.bool("use_sliding_window", default: false)
      ? try configuration.window() : nil
    let feedForward = try parts.feedForward()
    return parts.model(
      try rotatingBlocks(configuration, count: keys.blockCount).map { isRotating in
        let shape = keys.attentionShape(visible: .init(window: isRotating ? nil : window))
        return parts.block(
          parts.attention(shape, rotary: isRotating ? rotary : nil), feedForward)
      })
  }

  /// The blocks that turn queries and keys: those with a 1 in `no_rope_layers`, else all but every n-th.
  static func rotatingBlocks(_ configuration: JSONReader, count: Int) throws -> [Bool] {
    if let list = try configuration.optional("no_rope_layers") {
      let numbers = try list.elements().map { try $0.int(in: 0...1) }
      if numbers.count == count { return numbers.map { $0 == 1 } }
      guard numbers.isEmpty else {
        throw list.mismatch("\(count) numbers, one for each block, not \(numbers.count)")
      }
    }
    let interval =
      try configuration.optional("no_rope_layer_interval")?.int(in: 1...10_000) ?? 4
    return (0..<count).map { ($0 + 1) % interval != 0 }
  }
}
