import Diagnostics

/// Parts of families that mix tokens in other ways than by attention alone.
extension DecoderParts {
  /// A gated feed-forward part of so many channels.
  func gatedFeedForward(
    _ size: Int, names: (gate: String, up: String, down: String)
  ) -> FeedForward {
    let width = configuration.hiddenSize
    func layer(_ name: String, outputs: Int, inputs: Int) -> LayerSlot {
      LayerSlot(name, outputs: outputs, inputs: inputs, hasBias: hasFeedForwardBias)
    }
    return FeedForward(
      inputs: [names.gate, names.up].map { layer($0, outputs: size, inputs: width) },
      isGated: true, function: configuration.function,
      output: layer(names.down, outputs: width, inputs: size))
  }

  /// A block of two parts, one after the other, each with a norm before it.
  func block(
    _ first: Sublayer.Mixer, _ second: Sublayer.Mixer, norms: NormNames = DecoderParts.inputNorms
  ) -> ResidualBlock {
    ResidualBlock(
      width: configuration.hiddenSize,
      stages: [
        [Sublayer(inputNorm: norm(norms.attention), mixer: first)],
        [Sublayer(inputNorm: norm(norms.feedForward), mixer: second)],
      ])
  }
}
