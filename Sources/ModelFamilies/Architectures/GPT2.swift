import JSONText
import LanguageModels
import Recordings

/// GPT-2: learned positions, LayerNorms and biases, weights stored with a row for each input.
enum GPT2: Architecture {
  static let modelTypes = ["gpt2"]
  static let about = FamilyDescription(
    "GPT-2", "learned positions; weights stored with a row for each input",
    limits: "transformers does not read its quantized form")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    var defaults = DecoderConfiguration.Defaults(
      positionLimit: 1024, epsilon: 1e-5, isTied: true, function: "gelu_new")
    (defaults.hiddenSizeKey, defaults.blockCountKey) = ("n_embd", "n_layer")
    (defaults.headCountKey, defaults.keyValueHeadCountKey) = ("n_head", nil)
    (defaults.positionLimitKey, defaults.epsilonKey) = ("n_positions", "layer_norm_epsilon")
    defaults.functionKey = "activation_function"
    let keys = try DecoderConfiguration(configuration, defaults)
    var parts = DecoderParts(keys, norms: .centered(hasBias: true))
    parts.names = .init(
      embedding: "transformer.wte", blocks: "transformer.h", norm: "transformer.ln_f")
    parts.setBiases(true)
    let isScaled = try configuration.bool("scale_attn_weights", default: true)
    let scalesByIndex = try configuration.bool(
      "scale_attn_by_inverse_layer_idx", default: false)
    var feedForward = parts.plainFeedForward(
      try configuration.optional("n_inner")?.int(in: 1...1 << 24) ?? 4 * keys.hiddenSize,
      names: ("mlp.c_fc", "mlp.c_proj"))
    feedForward.inputs[0].weight.isTransposed = true
    feedForward.output.weight.isTransposed = true
    let blocks = (0..<keys.blockCount).map { index in
      var shape = keys.attentionShape(scale: isScaled ? nil : 1)
      if scalesByIndex { shape.scale /= Float(index + 1) }
      var attention = parts.fusedAttention(
        "attn", projection: "c_attn", output: "c_proj", shape, arrangement: .parts)
      attention.projections[0].weight.isTransposed = true
      attention.output.weight.isTransposed = true
      return parts.block(attention, feedForward, before: ("ln_1", "ln_2"))
    }
    var model = parts.model(blocks)
    model.front.positions = .init(
      table: StoredMatrix("transformer.wpe.weight"), count: keys.positionLimit, first: 0)
    return model
  }
}
