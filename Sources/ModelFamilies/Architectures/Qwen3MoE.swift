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
    let (experts, sparse) = (try reader.experts(), try sparseBlocks(keys))
    let rotary = try RotaryReader(keys).settings()
    let windows = try Qwen2.windows(configuration, blockCount: keys.blockCount)
    let needsDense = sparse.contains(false)
    let dense = needsDense ? try parts.feedForward() : nil
    return parts.model(
      zip(windows, sparse).map { window, isSparse in
        let attention = parts.attention(
          keys.attentionShape(visible: .init(window: window)), rotary: rotary)
        if !isSparse, let dense { return parts.block(attention, dense) }
        return parts.block(.attention(attention), .experts(experts))
      })
  }

  /// Which blocks have experts: every n-th but those that `mlp_only_layers` lists.
  private static func sparseBlocks(_ keys: DecoderConfiguration) throws -> [Bool] {
    let step = try keys.reader.optional("decoder_sparse_step")?.int(in: 1...10_000) ?? 1
    let dense =
      try keys.reader.optional("mlp_only_layers")?.elements()
      .map { try $0.int(in: 0...1 << 24) } ?? []
    return (0..<keys.blockCount).map { !dense.contains($0) && ($0 + 1).isMultiple(of: step) }
  }
}
