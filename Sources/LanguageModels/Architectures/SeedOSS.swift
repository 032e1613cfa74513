import JSONText

/// Seed-OSS: Llama with heads of an explicit size, and biases on queries, keys and values.
enum SeedOSS: Architecture {
  static let modelTypes = ["seed_oss"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    try PreNormConfiguration(
      keyValueHeadCount: 8, headSize: 128, positionLimit: 524_288,
      attentionInputBias: try configuration.optional("attention_bias")?.bool() ?? true,
      attentionOutputBias: try configuration.optional("attention_out_bias")?.bool() ?? false,
      allowsMLPBias: true
    ).describe(configuration) { Array(repeating: nil, count: $0) }
  }
}
