import JSONText

/// Qwen 2 and 2.5: Llama with biases on queries, keys and values.
enum Qwen2: Architecture {
  static let modelTypes = ["qwen2"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    try PreNormConfiguration(
      keyValueHeadCount: 32, positionLimit: 32_768, attentionInputBias: true,
      attentionOutputBias: false
    ).describe(configuration) { try windows(configuration, blockCount: $0) }
  }

  /// The sliding window of each block: none unless `use_sliding_window` is true; then that of the blocks
  /// that `layer_types` names, or of those from `max_window_layers` on.
  static func windows(_ configuration: JSONReader, blockCount: Int) throws -> [Int?] {
    let none: [Int?] = Array(repeating: nil, count: blockCount)
    guard try configuration.optional("use_sliding_window")?.bool() == true else { return none }
    let isAbsent = configuration.value["sliding_window"] == nil
    let window = try configuration.optional("sliding_window")?.int(in: 1...1 << 30)
    guard let window = isAbsent ? 4096 : window else { return none }
    if let types = try configuration.optional("layer_types") {
      let types = try types.elements()
      guard types.count == blockCount else {
        throw configuration.mismatch(
          "layer_types with \(blockCount) entries, one for each block, not \(types.count)")
      }
      return try types.map { try $0.string() == "sliding_attention" ? window : nil }
    }
    let first = try configuration.optional("max_window_layers")?.int(in: 0...1 << 24) ?? 28
    return (0..<blockCount).map { $0 >= first ? window : nil }
  }
}
