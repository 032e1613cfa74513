import Compute
import JSONText

/// Command R7B and A: both sublayers beside each other behind one LayerNorm; blocks without a window know no positions.
enum Cohere2: Architecture {
  static let modelTypes = ["cohere2"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(positionLimit: 8192, epsilon: 1e-5, isTied: true, epsilonKey: "layer_norm_eps"))
    var parts = LlamaParts(keys, norms: .centered(hasBias: false))
    let bias = try configuration.bool("attention_bias", default: false)
    (parts.hasInputBias, parts.hasOutputBias) = (bias, bias)
    var rotary = try RotaryReader(keys).settings()
    rotary.pairing = .neighbours
    let window = try configuration.window(default: 4096)
    let size = try configuration.size("intermediate_size")
    let pattern = try configuration.optional("sliding_window_pattern")?.int(in: 1...10_000) ?? 4
    let isSliding = try configuration.slidingBlocks(count: keys.blockCount) {
      ($0 + 1) % pattern != 0
    }
    let norm = parts.norm("input_layernorm")
    var model = parts.model(
      isSliding.map { isSliding in
        let shape = keys.attentionShape(visible: .init(window: isSliding ? window : nil))
        let attention = parts.attention(shape, rotary: isSliding ? rotary : nil)
        return ResidualBlock(
          width: keys.hiddenSize,
          stages: [
            [
              Sublayer(inputNorm: norm, mixer: .attention(attention)),
              Sublayer(inputNorm: norm, mixer: .feedForward(parts.feedForward(size))),
            ]
          ])
      })
    model.end.factor = Float(try configuration.number("logit_scale", default: 0.0625))
    return model
  }
}
