import JSONText
import LanguageModels

/// GLM 4.7 Flash: DeepSeek-V3 with other numbers.
enum GLM4MoELite: Architecture {
  static let modelTypes = ["glm4_moe_lite"]
  static let about = FamilyDescription(
    "GLM 4.7 Flash", "latent attention; experts chosen by sigmoid and a correction",
    limits: "blocks that predict further tokens are copied")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      LatentAttentionReader.configuration(.init(positionLimit: 202_752, epsilon: 1e-5)))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    var attention = LatentAttentionReader(parts)
    attention.defaults = .init(
      queryRank: 768, keyValueRank: 512, plainSize: 192, rotatedSize: 64, valueSize: 256)
    return try parts.model(
      .latentAttention(try attention.attention()),
      try ExpertsReader.ofDeepSeek(
        parts, .init(count: 64, perToken: 4, width: 1536, factor: 1.8)),
      isDense: configuration.denseBlocks(count: keys.blockCount, first: 1))
  }
}
