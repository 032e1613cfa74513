import JSONText
import LanguageModels

/// Qwen 3 with experts in place of the feed-forward part of most blocks.
enum Qwen3MoE: Architecture {
  static let modelTypes = ["qwen3_moe"]
  static let about = FamilyDescription("Qwen 3 with experts", "experts; norms of heads")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 4, positionLimit: 32_768))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    parts.hasHeadNorms = true
    var reader = ExpertsReader(parts)
    (reader.count, reader.perToken, reader.width) = (128, 8, 768)
    reader.normalization = try configuration.bool("norm_topk_prob", default: false) ? 0 : nil
    return try model(
      parts, reader, rotary: RotaryReader(keys).settings(),
      windows: Qwen2.windows(configuration, blockCount: keys.blockCount) { _, _ in true })
  }

  /// The model of a Qwen family of which some blocks have experts.
  static func model(
    _ parts: DecoderParts, _ reader: ExpertsReader, rotary: RotarySettings, windows: [Int?]
  ) throws -> ModelDescription {
    let keys = parts.configuration
    return parts.model(
      try zip(windows, secondParts(parts, reader)).map { window, second in
        let attention = parts.attention(
          keys.attentionShape(visible: .init(window: window)), rotary: rotary)
        return parts.block(.attention(attention), second)
      })
  }

  /// What follows the first part of each block: experts in every n-th block, but not in those that `mlp_only_layers`
  /// lists, and a feed-forward part in the others.
  static func secondParts(
    _ parts: DecoderParts, _ reader: ExpertsReader
  ) throws -> [Sublayer.Mixer] {
    let keys = parts.configuration
    let step = try keys.reader.optional("decoder_sparse_step")?.int(in: 1...10_000) ?? 1
    let listed =
      try keys.reader.optional("mlp_only_layers")?.elements()
      .map { try $0.int(in: 0...1 << 24) } ?? []
    let isDense = (0..<keys.blockCount).map {
      listed.contains($0) || !($0 + 1).isMultiple(of: step)
    }
    let experts = try reader.experts()
    return try parts.secondParts(isDense: isDense) { experts }
  }
}
