import JSONText
import LanguageModels
import Recordings

/// Falcon 1: projections fused by groups of heads, sublayers beside each other.
enum Falcon: Architecture {
  static let modelTypes = ["falcon"]
  static let about = FamilyDescription(
    "Falcon", "projections fused by group of heads; sublayers beside each other",
    limits: "transformers does not read its quantized form")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    var defaults = DecoderConfiguration.Defaults(
      epsilon: 1e-5, isTied: true, function: "gelu", epsilonKey: "layer_norm_epsilon")
    defaults.functionKey = "activation"
    defaults.keyValueHeadCountKey = "num_kv_heads"
    let isNew = try configuration.bool("new_decoder_architecture", default: false)
    let isMultiQuery = try configuration.bool("multi_query", default: true)
    if !isNew {
      // The key counts only in the newer form.
      defaults.keyValueHeadCountKey = nil
      defaults.keyValueHeadCount = isMultiQuery ? 1 : nil
    }
    let keys = try DecoderConfiguration(configuration, defaults)
    var parts = DecoderParts(keys, norms: .centered(hasBias: true))
    parts.names = Bloom.names
    parts.setBiases(try configuration.bool("bias", default: false))
    var shape = keys.attentionShape()
    let hasSlopes = try configuration.bool("alibi", default: false)
    if hasSlopes { shape.slopes = Bloom.slopes(keys.headCount).map { $0 * shape.scale } }
    let attention = parts.fusedAttention(
      "self_attention", projection: "query_key_value", output: "dense", shape,
      arrangement: !isNew && isMultiQuery ? .parts : .groups,
      rotary: hasSlopes ? nil : try RotaryReader(keys).settings())
    let feedForward = parts.plainFeedForward(
      try configuration.optional("ffn_hidden_size")?.int(in: 1...1 << 24) ?? 4 * keys.hiddenSize,
      names: ("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"))
    let isParallel = try isNew || configuration.bool("parallel_attn", default: true)
    let normCount =
      isNew ? try configuration.optional("num_ln_in_parallel_attn")?.int(in: 1...2) ?? 2 : 1
    let norms: DecoderParts.NormNames =
      if !isParallel { DecoderParts.inputNorms } else {
        normCount == 2 ? ("ln_attn", "ln_mlp") : ("input_layernorm", "input_layernorm")
      }
    return parts.model(
      of: parts.block(attention, feedForward, before: norms, isParallel: isParallel))
  }
}
