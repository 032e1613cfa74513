import JSONText
import LanguageModels

/// GPT-NeoX and Pythia: both sublayers beside each other, LayerNorms and biases, projections fused head by head.
enum GPTNeoX: Architecture {
  static let modelTypes = ["gpt_neox"]
  static let about = FamilyDescription(
    "Pythia, GPT-NeoX", "sublayers beside each other; projections fused by head")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    var defaults = DecoderConfiguration.Defaults(
      epsilon: 1e-5, function: "gelu", epsilonKey: "layer_norm_eps")
    defaults.keyValueHeadCountKey = nil
    let keys = try DecoderConfiguration(configuration, defaults)
    var parts = DecoderParts(keys, norms: .centered(hasBias: true))
    parts.names = .init(
      embedding: "gpt_neox.embed_in", blocks: "gpt_neox.layers", norm: "gpt_neox.final_layer_norm",
      head: "embed_out")
    parts.setBiases(try configuration.bool("attention_bias", default: true))
    parts.hasFeedForwardBias = true
    var reader = RotaryReader(keys)
    (reader.fraction, reader.baseKey) = (0.25, "rotary_emb_base")
    reader.fractionKey = "rotary_pct"
    let attention = parts.fusedAttention(
      "attention", projection: "query_key_value", output: "dense", keys.attentionShape(),
      arrangement: .groups, rotary: try reader.settings())
    let feedForward = parts.plainFeedForward(
      try configuration.size("intermediate_size"),
      names: ("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"))
    let block = parts.block(
      attention, feedForward,
      isParallel: try configuration.bool("use_parallel_residual", default: true))
    return parts.model(of: block)
  }
}
