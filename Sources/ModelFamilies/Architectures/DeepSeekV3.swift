import JSONText
import LanguageModels

/// DeepSeek-V3 and R1, and Kimi K2: latent attention, and experts chosen by sigmoid and a correction, within groups.
///
/// Blocks after those that `num_hidden_layers` counts predict further tokens; they are no part of the model.
enum DeepSeekV3: Architecture {
  static let modelTypes = ["deepseek_v3", "kimi_k2"]
  static let about = FamilyDescription(
    "DeepSeek V3 and R1, Kimi K2",
    "latent attention; experts chosen by sigmoid and a correction, within groups; a shared expert",
    limits: "blocks that predict further tokens are copied")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, LatentAttentionReader.configuration(.init(positionLimit: 4096)))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    return try parts.model(
      .latentAttention(try LatentAttentionReader(parts).attention()), try experts(parts),
      isDense: configuration.denseBlocks(count: keys.blockCount, first: 3))
  }

  static func experts(_ parts: DecoderParts) throws -> ExpertsReader {
    try ExpertsReader.ofDeepSeek(
      parts,
      .init(count: 256, perToken: 8, width: 2048, factor: 2.5, groups: (count: 8, kept: 4)))
  }
}
