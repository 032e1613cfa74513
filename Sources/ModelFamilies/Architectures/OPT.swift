import Diagnostics
import JSONText
import LanguageModels

/// OPT: learned positions, LayerNorms and biases, ReLU.
enum OPT: Architecture {
  static let modelTypes = ["opt"]
  static let about = FamilyDescription(
    "OPT", "learned positions", limits: "opt-350m is not computed")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        epsilon: 1e-5, isTied: true, function: "relu", epsilonKey: nil,
        functionKey: "activation_function"))
    guard try configuration.bool("do_layer_norm_before", default: true),
      try configuration.optional("word_embed_proj_dim")?.int() ?? keys.hiddenSize == keys.hiddenSize
    else {
      throw InputError(
        .unsupported, place: "do_layer_norm_before",
        "norms after the sublayers and projected embeddings, as OPT 350M has them, are not supported"
      )
    }
    var parts = DecoderParts(keys, norms: .centered(hasBias: true))
    parts.names = .init(
      embedding: "model.decoder.embed_tokens", blocks: "model.decoder.layers",
      norm: "model.decoder.final_layer_norm")
    parts.setBiases(try configuration.bool("enable_bias", default: true))
    let attention = parts.attention(keys.attentionShape(), rotary: nil, output: "out_proj")
    let feedForward = parts.plainFeedForward(
      try configuration.size("ffn_dim"), names: ("fc1", "fc2"))
    var model = parts.model(
      of: parts.block(
        attention, feedForward, before: ("self_attn_layer_norm", "final_layer_norm")))
    model.front.positions = .init(
      table: StoredMatrix("model.decoder.embed_positions.weight"),
      count: keys.positionLimit + 2, first: 2)
    return model
  }
}
