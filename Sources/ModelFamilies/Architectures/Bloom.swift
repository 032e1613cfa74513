import Diagnostics
import Foundation
import JSONText
import LanguageModels
import Recordings

/// BLOOM: a slope for each head in place of positions, a norm of the embedding, projections fused head by head.
enum Bloom: Architecture {
  static let modelTypes = ["bloom"]
  static let about = FamilyDescription(
    "BLOOM", "a slope for each head in place of positions; projections fused by head")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    var defaults = DecoderConfiguration.Defaults(
      epsilon: 1e-5, isTied: true, function: "gelu_new")
    if configuration.value["hidden_size"] == nil { defaults.hiddenSizeKey = "n_embed" }
    guard
      try configuration.bool("apply_residual_connection_post_layernorm", default: false) == false
    else {
      throw InputError(
        .unsupported, place: "apply_residual_connection_post_layernorm",
        "residual connections after the norms are not supported; expected false")
    }
    defaults.blockCount = 2
    (defaults.blockCountKey, defaults.headCountKey) = ("n_layer", "n_head")
    (defaults.keyValueHeadCountKey, defaults.epsilonKey) = (nil, "layer_norm_epsilon")
    (defaults.positionLimitKey, defaults.functionKey) = ("seq_length", "bloom_activation")
    let keys = try DecoderConfiguration(configuration, defaults)
    var parts = DecoderParts(keys, norms: .centered(hasBias: true))
    parts.names = names
    parts.setBiases(true)
    var shape = keys.attentionShape()
    shape.slopes = slopes(keys.headCount)
    let attention = parts.fusedAttention(
      "self_attention", projection: "query_key_value", output: "dense", shape,
      arrangement: .groups)
    let feedForward = parts.plainFeedForward(
      4 * keys.hiddenSize, names: ("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"))
    var model = parts.model(of: parts.block(attention, feedForward))
    model.front.norm = parts.norm("transformer.word_embeddings_layernorm")
    return model
  }

  static let names = DecoderParts.Names(
    embedding: "transformer.word_embeddings", blocks: "transformer.h", norm: "transformer.ln_f")

  /// ALiBi (arXiv 2108.12409): a geometric sequence for a power of two of heads; the rest take every other number of
  /// the sequence for twice as many.
  static func slopes(_ count: Int) -> [Float] {
    var power = 1
    while 2 * power <= count { power *= 2 }
    let first = (1...power).map { exp2(-8 * Double($0) / Double(power)) }
    let rest = (0..<count - power).map { exp2(-4 * Double(2 * $0 + 1) / Double(power)) }
    return (first + rest).map { Float($0) }
  }
}
