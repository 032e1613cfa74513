import JSONText
import LanguageModels
import Recordings

/// Command R7B and A: both sublayers beside each other behind one LayerNorm; blocks without a window know no positions.
enum Cohere2: Architecture {
  static let modelTypes = ["cohere2"]
  static let about = FamilyDescription(
    "Command R7B, Command A", "attention and feed-forward beside each other behind one norm")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(positionLimit: 8192, epsilon: 1e-5, isTied: true, epsilonKey: "layer_norm_eps"))
    var parts = DecoderParts(keys, norms: .centered(hasBias: false))
    try parts.readBiases()
    var reader = RotaryReader(keys)
    reader.pairing = .neighbours
    let rotary = try reader.settings()
    let window = try configuration.window(default: 4096)
    let feedForward = try parts.feedForward()
    let isSliding = try configuration.slidingBlocks(count: keys.blockCount, fullEvery: 4)
    var model = parts.model(
      isSliding.map { isSliding in
        let shape = keys.attentionShape(visible: .init(window: isSliding ? window : nil))
        return parts.block(
          parts.attention(shape, rotary: isSliding ? rotary : nil), feedForward,
          before: ("input_layernorm", "input_layernorm"), isParallel: true)
      })
    model.end.factor = try configuration.float("logit_scale", default: 0.0625)
    return model
  }
}
