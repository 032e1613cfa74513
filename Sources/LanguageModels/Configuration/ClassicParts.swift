import Compute

/// The parts of models before Llama: LayerNorms with biases, and a feed-forward part without a gate.
struct ClassicParts {
  let configuration: DecoderConfiguration
  /// Whether the layers have biases; norms always have.
  var hasBias: Bool
  var epsilon: Float

  init(_ configuration: DecoderConfiguration, hasBias: Bool) {
    self.configuration = configuration
    self.hasBias = hasBias
    epsilon = configuration.epsilon
  }

  private var width: Int { configuration.hiddenSize }

  func norm(_ name: String) -> NormSlot {
    NormSlot(name, columns: width, style: .centered(hasBias: true), epsilon: epsilon)
  }

  /// Attention whose projections are one layer, which holds them group by group.
  func attention(
    _ module: String, projection: String, output: String, _ shape: AttentionShape, hasBias: Bool
  ) -> SelfAttention {
    let heads = shape.headCount + 2 * shape.keyValueHeadCount
    return SelfAttention(
      module: module,
      projections: [
        LayerSlot(
          "\(module).\(projection)", outputs: heads * shape.headSize, inputs: width,
          hasBias: hasBias)
      ],
      arrangement: .groups,
      output: LayerSlot(
        "\(module).\(output)", outputs: width, inputs: shape.headCount * shape.headSize,
        hasBias: hasBias), shape: shape)
  }

  func feedForward(_ size: Int, names: (up: String, down: String)) -> FeedForward {
    FeedForward(
      inputs: [LayerSlot(names.up, outputs: size, inputs: width, hasBias: hasBias)],
      isGated: false, function: configuration.function,
      output: LayerSlot(names.down, outputs: width, inputs: size, hasBias: hasBias))
  }

  /// A block whose sublayers come one after the other, or read the same input.
  func block(
    _ attention: SelfAttention, _ feedForward: FeedForward,
    norms: (attention: String, feedForward: String), isParallel: Bool
  ) -> ResidualBlock {
    let first = Sublayer(inputNorm: norm(norms.attention), mixer: .attention(attention))
    let second = Sublayer(inputNorm: norm(norms.feedForward), mixer: .feedForward(feedForward))
    return ResidualBlock(
      width: width, stages: isParallel ? [[first, second]] : [[first], [second]])
  }

  /// The model of these blocks, with what its parts are called.
  func model(
    _ blocks: [any DecoderBlock], embedding: String, blocks list: String, norm name: String,
    head: String
  ) -> ModelDescription {
    let front = ModelFront(
      name: embedding, vocabularySize: configuration.vocabularySize, width: width)
    let end = ModelEnd(
      norm: norm(name), head: LayerSlot(head, outputs: front.vocabularySize, inputs: width),
      tiedTable: configuration.isTied ? front.table : nil)
    return ModelDescription(
      front: front,
      blocks: blocks.enumerated().map { PlacedBlock(name: "\(list).\($0)", block: $1) }, end: end,
      positionLimit: configuration.positionLimit)
  }
}
