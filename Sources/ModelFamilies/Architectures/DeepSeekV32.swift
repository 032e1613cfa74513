import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// DeepSeek-V3.2: DeepSeek-V3, whose queries see the keys that an indexer chooses.
enum DeepSeekV32: Architecture {
  static let modelTypes = ["deepseek_v32"]
  static let about = FamilyDescription(
    "DeepSeek V3.2", "DeepSeek V3 with a choice of the keys that a query sees",
    limits: "blocks that predict further tokens are copied")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, LatentAttentionReader.configuration(.init(positionLimit: 4096)))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    var attention = try LatentAttentionReader(parts).attention()
    attention.indexer = try indexer(parts, attention)
    return try parts.model(
      .latentAttention(attention), try DeepSeekV3.experts(parts),
      isDense: configuration.denseBlocks(count: keys.blockCount, first: 3))
  }

  private static func indexer(_ parts: DecoderParts, _ attention: LatentAttention) throws
    -> KeyIndexer
  {
    let configuration = parts.configuration.reader
    guard let latent = attention.queryLatent else {
      throw InputError(
        .unsupported, place: "q_lora_rank", "found null; the indexer reads what it makes")
    }
    let heads = try configuration.optional("index_n_heads")?.int(in: 1...4096) ?? 64
    let size = try configuration.optional("index_head_dim")?.int(in: 2...1024) ?? 128
    let count = try configuration.optional("index_topk")?.int(in: 1...1 << 30) ?? 2048
    let rotated = 2 * (attention.rotary?.inverseFrequencies.count ?? 0)
    guard rotated <= size else {
      throw InputError(
        .invalidValue, place: "index_head_dim",
        "found \(size), expected at least qk_rope_head_dim, which is \(rotated)")
    }
    func layer(_ name: String, _ outputs: Int, _ inputs: Int) -> LayerSlot {
      LayerSlot("self_attn.indexer.\(name)", outputs: outputs, inputs: inputs).kept(.indexer)
    }
    let width = parts.configuration.hiddenSize
    return KeyIndexer(
      query: layer("wq_b", heads * size, latent.norm.columns), key: layer("wk", size, width),
      keyNorm: NormSlot(
        "self_attn.indexer.k_norm", columns: size, style: .centered(hasBias: true), epsilon: 1e-6),
      weights: layer("weights_proj", heads, width),
      selection: KeySelection(headCount: heads, headSize: size, count: count))
  }
}
