import JSONText
import LanguageModels

/// Qwen 3: heads of an explicit size, a norm on each head of queries and keys, no biases by default.
enum Qwen3: Architecture {
  static let modelTypes = ["qwen3"]
  static let about = FamilyDescription("Qwen 3, dense", "norms of heads")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 32, headSize: 128, positionLimit: 32_768))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    parts.hasHeadNorms = true
    return try Qwen2.model(keys, parts)
  }
}
