import JSONText
import LanguageModels
import Recordings

/// Makes the parts of a model's blocks, and the model of its blocks, with what families do differently. Where nothing else is
/// said, modules are called as Llama's are.
struct DecoderParts {
  let configuration: DecoderConfiguration
  var norms = NormSlot.Style.rootMeanSquare
  /// Whether query, key and value projections have a bias.
  var hasInputBias = false
  var hasOutputBias = false
  var hasFeedForwardBias = false
  /// Whether each head of queries and keys is normalized.
  var hasHeadNorms = false
  /// What attention is called.
  var attentionModule = "self_attn"
  /// What the norms of queries and keys are called.
  var headNormNames = (query: "self_attn.q_norm", key: "self_attn.k_norm")
  var names = Names()

  /// What a model's modules outside its blocks are called, and its list of blocks.
  struct Names {
    var embedding = "model.embed_tokens"
    var blocks = "model.layers"
    var norm = "model.norm"
    var head = "lm_head"
  }

  /// The names of the norms of attention and feed-forward part.
  typealias NormNames = (attention: String, feedForward: String)

  /// Those of what the parts read, in Llama.
  static let inputNorms: NormNames = ("input_layernorm", "post_attention_layernorm")
  /// Those of what the parts answer, in families that have them.
  static let outputNorms: NormNames = (
    "post_attention_layernorm", "post_feedforward_layernorm"
  )

  init(_ configuration: DecoderConfiguration, norms: NormSlot.Style = .rootMeanSquare) {
    self.configuration = configuration
    self.norms = norms
  }

  private var width: Int { configuration.hiddenSize }

  /// Gives the layers of attention a bias if `attention_bias` says so, and those of the feed-forward part if
  /// `mlp_bias` does and the family knows that key.
  mutating func readBiases(knowsFeedForward: Bool = false) throws {
    hasInputBias = try configuration.reader.bool("attention_bias", default: false)
    hasOutputBias = hasInputBias
    guard knowsFeedForward else { return }
    hasFeedForwardBias = try configuration.reader.bool("mlp_bias", default: false)
  }

  /// Gives all layers a bias, or none.
  mutating func setBiases(_ hasBias: Bool) {
    (hasInputBias, hasOutputBias, hasFeedForwardBias) = (hasBias, hasBias, hasBias)
  }

  // MARK: Norms

  /// A norm of the residual stream.
  func norm(_ name: String) -> NormSlot { norm(name, columns: width) }

  /// A norm of so many columns together, or of groups of them, such as heads.
  private func norm(_ name: String, columns: Int, groupSize: Int? = nil) -> NormSlot {
    NormSlot(
      name, columns: columns, groupSize: groupSize, style: norms, epsilon: configuration.epsilon)
  }

  /// The attention with norms of all queries, and of all keys, of a token.
  func withWholeNorms(_ attention: SelfAttention) -> SelfAttention {
    var attention = attention
    let size = configuration.headSize
    attention.queryNorm = norm(headNormNames.query, columns: configuration.headCount * size)
    attention.keyNorm = norm(headNormNames.key, columns: configuration.keyValueHeadCount * size)
    return attention
  }

  // MARK: Mixers

  /// - Parameter output: What the output projection is called in its module.
  func attention(
    _ shape: AttentionShape, rotary: RotarySettings?, output: String = "o_proj"
  ) -> SelfAttention {
    let queries = shape.headCount * shape.headSize
    let keys = shape.keyValueHeadCount * shape.headSize
    func headNorm(_ name: String, _ columns: Int) -> NormSlot? {
      hasHeadNorms ? norm(name, columns: columns, groupSize: shape.headSize) : nil
    }
    func projection(_ name: String, _ outputs: Int) -> LayerSlot {
      LayerSlot(
        "\(attentionModule).\(name)", outputs: outputs, inputs: width, hasBias: hasInputBias)
    }
    return SelfAttention(
      module: attentionModule,
      projections: [
        projection("q_proj", queries), projection("k_proj", keys), projection("v_proj", keys),
      ],
      output: LayerSlot(
        "\(attentionModule).\(output)", outputs: width, inputs: queries, hasBias: hasOutputBias),
      queryNorm: headNorm(headNormNames.query, queries), keyNorm: headNorm(headNormNames.key, keys),
      rotary: rotary, shape: shape)
  }

  /// Attention whose projections are one layer.
  func fusedAttention(
    _ module: String, projection: String, output: String, _ shape: AttentionShape,
    arrangement: SelfAttention.Arrangement, rotary: RotarySettings? = nil
  ) -> SelfAttention {
    let heads = shape.headCount + 2 * shape.keyValueHeadCount
    return SelfAttention(
      module: module,
      projections: [
        LayerSlot(
          "\(module).\(projection)", outputs: heads * shape.headSize, inputs: width,
          hasBias: hasInputBias)
      ],
      arrangement: arrangement,
      output: LayerSlot(
        "\(module).\(output)", outputs: width, inputs: shape.headCount * shape.headSize,
        hasBias: hasOutputBias), rotary: rotary, shape: shape)
  }

  /// A gated feed-forward part of the width that `intermediate_size` says.
  ///
  /// - Parameter isFused: Whether gate and up projection are one layer, `gate_up_proj`.
  func feedForward(isFused: Bool = false) throws -> FeedForward {
    let size = try configuration.reader.size("intermediate_size")
    return isFused
      ? fusedFeedForward(size, names: ("mlp.gate_up_proj", "mlp.down_proj"))
      : gatedFeedForward("mlp", size: size)
  }

  /// A gated feed-forward part of another module or width.
  func gatedFeedForward(_ module: String, size: Int) -> FeedForward {
    gatedFeedForward(
      size, names: ("\(module).gate_proj", "\(module).up_proj", "\(module).down_proj"))
  }

  /// The same with other names.
  func gatedFeedForward(
    _ size: Int, names: (gate: String, up: String, down: String)
  ) -> FeedForward {
    feedForward(
      [(names.gate, size), (names.up, size)], output: names.down, size: size, isGated: true)
  }

  /// A gated feed-forward part whose gate and up projection are one layer.
  func fusedFeedForward(_ size: Int, names: (up: String, down: String)) -> FeedForward {
    feedForward([(names.up, 2 * size)], output: names.down, size: size, isGated: true)
  }

  /// A feed-forward part without a gate.
  func plainFeedForward(_ size: Int, names: (up: String, down: String)) -> FeedForward {
    feedForward([(names.up, size)], output: names.down, size: size, isGated: false)
  }

  private func feedForward(
    _ inputs: [(name: String, outputs: Int)], output: String, size: Int, isGated: Bool
  ) -> FeedForward {
    FeedForward(
      inputs: inputs.map {
        LayerSlot($0.name, outputs: $0.outputs, inputs: width, hasBias: hasFeedForwardBias)
      }, isGated: isGated, function: configuration.function,
      output: LayerSlot(output, outputs: width, inputs: size, hasBias: hasFeedForwardBias))
  }

  // MARK: Blocks

  /// A block of both parts, `x = x + factor * norm(part(norm(x)))` for one after the other, or for both on the same x.
  ///
  /// - Parameters:
  ///   - before: The norms of what the parts read; nil: none.
  ///   - after: The norms of what they answer; nil: none.
  func block(
    _ attention: SelfAttention, _ feedForward: FeedForward,
    before: NormNames? = DecoderParts.inputNorms, after: NormNames? = nil, factor: Float = 1,
    isParallel: Bool = false
  ) -> ResidualBlock {
    block(
      .attention(attention), .feedForward(feedForward), before: before, after: after,
      factor: factor, isParallel: isParallel)
  }

  /// The same with other parts.
  func block(
    _ first: Sublayer.Mixer, _ second: Sublayer.Mixer,
    before: NormNames? = DecoderParts.inputNorms, after: NormNames? = nil, factor: Float = 1,
    isParallel: Bool = false
  ) -> ResidualBlock {
    let sublayers = [
      Sublayer(
        inputNorm: before.map { norm($0.attention) }, mixer: first,
        outputNorm: after.map { norm($0.attention) }, factor: factor),
      Sublayer(
        inputNorm: before.map { norm($0.feedForward) }, mixer: second,
        outputNorm: after.map { norm($0.feedForward) }, factor: factor),
    ]
    return ResidualBlock(
      width: width, stages: isParallel ? [sublayers] : sublayers.map { [$0] })
  }

  /// The model of as many such blocks as the configuration says.
  func model(of block: any DecoderBlock) -> ModelDescription {
    model(Array(repeating: block, count: configuration.blockCount))
  }

  /// The model of these blocks.
  func model(_ blocks: [any DecoderBlock]) -> ModelDescription {
    let front = ModelFront(
      name: names.embedding, vocabularySize: configuration.vocabularySize, width: width)
    let end = ModelEnd(
      norm: norm(names.norm),
      head: LayerSlot(names.head, outputs: front.vocabularySize, inputs: width),
      tiedTable: configuration.isTied ? front.table : nil)
    return ModelDescription(
      front: front,
      blocks: blocks.enumerated().map { PlacedBlock(name: "\(names.blocks).\($0)", block: $1) },
      end: end, positionLimit: configuration.positionLimit)
  }
}
