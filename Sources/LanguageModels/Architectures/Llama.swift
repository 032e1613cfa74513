import JSONText

/// Llama 1 to 3.x, and models published under its name.
enum Llama: Architecture {
  static let modelTypes = ["llama"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    try PreNormConfiguration(positionLimit: 2048, allowsMLPBias: true)
      .describe(configuration) { Array(repeating: nil, count: $0) }
  }
}
