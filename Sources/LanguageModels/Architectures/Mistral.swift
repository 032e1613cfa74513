import JSONText

/// Mistral: Llama without biases, with one sliding window for all blocks.
enum Mistral: Architecture {
  static let modelTypes = ["mistral"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    try PreNormConfiguration(
      keyValueHeadCount: 8, positionLimit: 131_072, attentionInputBias: false,
      attentionOutputBias: false
    ).describe(configuration) { count in
      // An absent key means the family's first window; an explicit null means none.
      let isAbsent = configuration.value["sliding_window"] == nil
      let window = try configuration.optional("sliding_window")?.int(in: 1...1 << 30)
      return Array(repeating: isAbsent ? 4096 : window, count: count)
    }
  }
}
