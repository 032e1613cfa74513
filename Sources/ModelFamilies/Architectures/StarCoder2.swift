import JSONText
import LanguageModels
import Recordings

/// StarCoder 2: LayerNorms and biases around grouped heads, a feed-forward part without a gate.
enum StarCoder2: Architecture {
  static let modelTypes = ["starcoder2"]
  static let about = FamilyDescription("StarCoder 2", "LayerNorms and biases")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 2, positionLimit: 4096, epsilon: 1e-5, isTied: true,
        function: "gelu_pytorch_tanh", epsilonKey: "norm_epsilon"))
    var parts = DecoderParts(keys, norms: .centered(hasBias: true))
    parts.setBiases(try configuration.bool("use_bias", default: true))
    let visible = AttentionShape.VisibleKeys(window: try configuration.window())
    let block = parts.block(
      parts.attention(
        keys.attentionShape(visible: visible), rotary: try RotaryReader(keys).settings()),
      parts.plainFeedForward(
        try configuration.size("intermediate_size"), names: ("mlp.c_fc", "mlp.c_proj")))
    return parts.model(of: block)
  }
}
