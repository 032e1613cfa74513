import JSONText
import LanguageModels

/// Nemotron 3 and 4, Minitron: LayerNorms with 1 + w, squared ReLU without a gate.
enum Nemotron: Architecture {
  static let modelTypes = ["nemotron"]
  static let about = FamilyDescription(
    "Nemotron 3 and 4, Minitron", "LayerNorms with 1 + w; squared ReLU without a gate")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        positionLimit: 4096, epsilon: 1e-5, function: "relu2", epsilonKey: "norm_eps"))
    var parts = DecoderParts(keys, norms: .onePlusCentered)
    try parts.readBiases(knowsFeedForward: true)
    var reader = RotaryReader(keys)
    reader.fraction = 0.5
    let block = parts.block(
      parts.attention(keys.attentionShape(), rotary: try reader.settings()),
      parts.plainFeedForward(
        try configuration.size("intermediate_size"), names: ("mlp.up_proj", "mlp.down_proj")))
    return parts.model(of: block)
  }
}
