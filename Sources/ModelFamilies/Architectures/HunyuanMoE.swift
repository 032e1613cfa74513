import JSONText
import LanguageModels

/// Hunyuan with experts in every block, beside a shared one.
enum HunyuanMoE: Architecture {
  static let modelTypes = ["hunyuan_v1_moe"]
  static let about = FamilyDescription(
    "Hunyuan A13B", "experts and a shared one; norms of heads after the rotation")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, .init(epsilon: 1e-5))
    let (parts, attention) = try Hunyuan.attention(keys)
    var reader = ExpertsReader(parts)
    reader.router = "gate.wg"
    (reader.count, reader.perTokenKey, reader.perToken) = (1, "moe_topk", 1)
    reader.widthKey = "intermediate_size"
    reader.normalization = 0
    reader.shared = parts.gatedFeedForward(
      "mlp.shared_mlp", size: try configuration.size("intermediate_size"))
    return parts.model(
      try (0..<keys.blockCount).map {
        parts.block(.attention(attention), .experts(try reader.experts(ofBlock: $0)))
      })
  }
}
