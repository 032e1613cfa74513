import JSONText

/// GPT-NeoX and Pythia: both sublayers beside each other, LayerNorms and biases, projections fused head by head.
enum GPTNeoX: Architecture {
  static let modelTypes = ["gpt_neox"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    var defaults = DecoderConfiguration.Defaults(
      positionLimit: 2048, epsilon: 1e-5, function: "gelu", epsilonKey: "layer_norm_eps")
    defaults.keyValueHeadCountKey = "num_attention_heads"
    let keys = try DecoderConfiguration(configuration, defaults)
    let parts = ClassicParts(keys, hasBias: true)
    var reader = RotaryReader(keys)
    (reader.fraction, reader.baseKey) = (0.25, "rotary_emb_base")
    reader.fractionKey = "rotary_pct"
    var attention = parts.attention(
      "attention", projection: "query_key_value", output: "dense", keys.attentionShape(),
      hasBias: try configuration.bool("attention_bias", default: true))
    attention.rotary = try reader.settings()
    let feedForward = parts.feedForward(
      try configuration.size("intermediate_size"),
      names: ("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"))
    let block = parts.block(
      attention, feedForward, norms: ("input_layernorm", "post_attention_layernorm"),
      isParallel: try configuration.bool("use_parallel_residual", default: true))
    return parts.model(
      Array(repeating: block, count: keys.blockCount), embedding: "gpt_neox.embed_in",
      blocks: "gpt_neox.layers", norm: "gpt_neox.final_layer_norm", head: "embed_out")
  }
}
