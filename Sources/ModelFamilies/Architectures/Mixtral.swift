import JSONText
import LanguageModels

/// Mixtral: Mistral with experts in every block.
enum Mixtral: Architecture {
  static let modelTypes = ["mixtral"]
  static let about = FamilyDescription("Mixtral", "experts")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 8, positionLimit: 131_072, epsilon: 1e-5))
    let parts = DecoderParts(keys)
    var rotary = RotaryReader(keys)
    rotary.base = 1e6
    var experts = ExpertsReader(parts)
    experts.module = "block_sparse_moe"
    experts.names = ("w1", "w3", "w2")
    experts.countKeys = ["num_local_experts", "num_experts"]
    experts.widthKey = "intermediate_size"
    experts.normalization = 0
    let attention = parts.attention(
      keys.attentionShape(visible: .init(window: try configuration.window())),
      rotary: try rotary.settings())
    return parts.model(
      of: parts.block(.attention(attention), .experts(try experts.experts())))
  }
}
