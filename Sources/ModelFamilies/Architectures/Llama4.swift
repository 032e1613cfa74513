import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// The text model of Llama 4: attention in chunks, and in some blocks over all tokens without positions; experts that read
/// weighted tokens, beside a shared one.
enum Llama4: Architecture {
  static let modelTypes = ["llama4_text"]
  static let about = FamilyDescription(
    "Llama 4, text",
    "attention in chunks, or without positions; experts that read weighted tokens; a shared expert")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(keyValueHeadCount: 8, headSize: 128, positionLimit: 131_072, epsilon: 1e-5))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    let blocks = zip(try attentions(parts), try secondParts(parts))
    return parts.model(blocks.map { parts.block(.attention($0), $1) })
  }

  /// The attention of each block: with angles and in chunks, or with neither and queries that grow.
  private static func attentions(_ parts: DecoderParts) throws -> [SelfAttention] {
    let (keys, configuration) = (parts.configuration, parts.configuration.reader)
    var reader = RotaryReader(keys)
    (reader.base, reader.pairing) = (5e5, .neighbours)
    let (rotary, growth) = (try reader.settings(), try growth(keys))
    let hasNorms = try configuration.bool("use_qk_norm", default: true)
    let rotates = try SmolLM3.rotatingBlocks(configuration, count: keys.blockCount)
    let chunk = try configuration.window("attention_chunk_size", default: 8192)
    let types = try configuration.layerTypes(
      count: keys.blockCount, names: ["chunked_attention", "full_attention"])
    return rotates.enumerated().map { index, rotates in
      let isChunked = types.map { $0[index] == "chunked_attention" } ?? rotates
      let shape = keys.attentionShape(
        visible: isChunked ? chunk.map { .chunk($0) } ?? .all : .all)
      var attention = parts.attention(shape, rotary: rotates ? rotary : growth)
      guard rotates, hasNorms else { return attention }
      attention.normsAfterRotation = true
      func norm(_ name: String, _ heads: Int) -> NormSlot {
        NormSlot(
          name, columns: heads * keys.headSize, groupSize: keys.headSize, epsilon: keys.epsilon
        ).withoutWeights
      }
      attention.queryNorm = norm("queries", keys.headCount)
      attention.keyNorm = norm("keys", keys.keyValueHeadCount)
      return attention
    }
  }

  /// How queries grow that are not turned; nil: not at all.
  private static func growth(_ keys: DecoderConfiguration) throws -> RotarySettings? {
    guard try isSet("attn_temperature_tuning", keys.reader) else { return nil }
    return RotarySettings(
      withoutRotation: keys.headSize,
      growth: .init(
        strength: try keys.reader.number("attn_scale", default: 0.1),
        period: try keys.reader.optional("floor_scale")?.positive() ?? 8192, shift: 1))
  }

  /// A flag that some files have as a number.
  private static func isSet(_ key: String, _ configuration: JSONReader) throws -> Bool {
    guard let reader = try configuration.optional(key) else { return true }
    if let number = reader.value.intValue { return number != 0 }
    return try reader.bool()
  }

  /// What follows attention in each block.
  private static func secondParts(_ parts: DecoderParts) throws -> [Sublayer.Mixer] {
    let (keys, configuration) = (parts.configuration, parts.configuration.reader)
    let step = try configuration.optional("interleave_moe_layer_step")?.int(in: 1...10_000) ?? 1
    let listed = try configuration.optional("moe_layers")?.elements().map {
      try $0.int(in: 0...keys.blockCount - 1)
    }
    let isSparse = (0..<keys.blockCount).map {
      listed?.contains($0) ?? ($0 + 1).isMultiple(of: step)
    }
    func feedForward(_ key: String, _ size: Int, _ module: String) throws -> FeedForward {
      let size = try configuration.optional(key)?.int(in: 1...1 << 24) ?? size
      return parts.gatedFeedForward(module, size: size)
    }
    var reader = ExpertsReader(parts)
    reader.module = "feed_forward"
    reader.router = "router"
    reader.countKeys = ["num_local_experts"]
    (reader.count, reader.perToken) = (16, 1)
    (reader.widthKey, reader.width) = ("intermediate_size", 8192)
    (reader.score, reader.weighsInputs) = (.sigmoid, true)
    reader.stacks = ExpertStacks(
      inputs: "feed_forward.experts.gate_up_proj", output: "feed_forward.experts.down_proj",
      isTransposed: true)
    reader.shared = try feedForward("intermediate_size", 8192, "feed_forward.shared_expert")
    let sparse = Sublayer.Mixer.experts(try reader.experts())
    let dense = Sublayer.Mixer.feedForward(
      try feedForward("intermediate_size_mlp", 16_384, "feed_forward"))
    return isSparse.map { $0 ? sparse : dense }
  }
}
