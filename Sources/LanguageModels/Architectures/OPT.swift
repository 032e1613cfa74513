import Diagnostics
import JSONText

/// OPT: learned positions, LayerNorms and biases, ReLU.
enum OPT: Architecture {
  static let modelTypes = ["opt"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(epsilon: 1e-5, isTied: true, function: "relu", functionKey: "activation_function"))
    guard try configuration.bool("do_layer_norm_before", default: true),
      try configuration.optional("word_embed_proj_dim")?.int() ?? keys.hiddenSize == keys.hiddenSize
    else {
      throw InputError(
        .unsupported, place: "do_layer_norm_before",
        "norms after the sublayers and projected embeddings, as OPT 350M has them, are not supported"
      )
    }
    let hasBias = try configuration.bool("enable_bias", default: true)
    var parts = ClassicParts(keys, hasBias: hasBias)
    parts.epsilon = 1e-5
    var attention = parts.attention(
      "self_attn", projection: "q_proj", output: "out_proj", keys.attentionShape(),
      hasBias: hasBias)
    attention.arrangement = .parts
    attention.projections = ["q_proj", "k_proj", "v_proj"].map {
      LayerSlot(
        "self_attn.\($0)", outputs: keys.hiddenSize, inputs: keys.hiddenSize, hasBias: hasBias)
    }
    let feedForward = parts.feedForward(
      try configuration.size("ffn_dim"), names: ("fc1", "fc2"))
    let block = parts.block(
      attention, feedForward, norms: ("self_attn_layer_norm", "final_layer_norm"),
      isParallel: false)
    var model = parts.model(
      Array(repeating: block, count: keys.blockCount), embedding: "model.decoder.embed_tokens",
      blocks: "model.decoder.layers", norm: "model.decoder.final_layer_norm", head: "lm_head")
    model.front.positions = .init(
      table: StoredMatrix("model.decoder.embed_positions.weight"),
      count: keys.positionLimit + 2, first: 2)
    return model
  }
}
