import JSONText
import LanguageModels

/// Qwen 1.5 and 2 with experts, beside a shared one that has a gate.
enum Qwen2MoE: Architecture {
  static let modelTypes = ["qwen2_moe"]
  static let about = FamilyDescription(
    "Qwen 1.5 and 2 with experts", "experts; a shared expert with a gate; biases")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 16, positionLimit: 32_768))
    var parts = DecoderParts(keys)
    parts.hasInputBias = try configuration.bool("qkv_bias", default: true)
    var reader = ExpertsReader(parts)
    (reader.count, reader.perToken, reader.width) = (60, 4, 1408)
    reader.normalization = try configuration.bool("norm_topk_prob", default: false) ? 0 : nil
    try reader.readGatedShared("shared_expert_intermediate_size", default: 5632)
    return try Qwen3MoE.model(
      parts, reader, rotary: RotaryReader(keys).settings(),
      windows: Qwen2.windows(configuration, blockCount: keys.blockCount) {
        $0.isMultiple(of: 2) && $0 < $1
      })
  }
}
