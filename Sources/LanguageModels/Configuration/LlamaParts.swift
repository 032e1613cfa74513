import Compute
import JSONText

/// The parts of a model whose modules are called as Llama's are, with what families do differently.
struct LlamaParts {
  let configuration: DecoderConfiguration
  var norms = NormSlot.Style.rootMeanSquare
  /// Whether query, key and value projections have a bias.
  var hasInputBias = false
  var hasOutputBias = false
  var hasFeedForwardBias = false
  /// Whether each head of queries and keys is normalized.
  var hasHeadNorms = false
  /// What the norms of queries and keys are called.
  var headNormNames = (query: "self_attn.q_norm", key: "self_attn.k_norm")

  init(_ configuration: DecoderConfiguration, norms: NormSlot.Style = .rootMeanSquare) {
    self.configuration = configuration
    self.norms = norms
  }

  private var width: Int { configuration.hiddenSize }

  func norm(_ name: String) -> NormSlot {
    NormSlot(name, columns: width, style: norms, epsilon: configuration.epsilon)
  }

  /// A norm of each head in so many columns.
  func headNorm(_ name: String, columns: Int) -> NormSlot {
    NormSlot(
      name, columns: columns, groupSize: configuration.headSize, style: norms,
      epsilon: configuration.epsilon)
  }

  func attention(_ shape: AttentionShape, rotary: RotarySettings?) -> SelfAttention {
    let queries = shape.headCount * shape.headSize
    let keys = shape.keyValueHeadCount * shape.headSize
    func layer(_ name: String, _ outputs: Int, _ inputs: Int, _ hasBias: Bool) -> LayerSlot {
      LayerSlot("self_attn.\(name)", outputs: outputs, inputs: inputs, hasBias: hasBias)
    }
    return SelfAttention(
      module: "self_attn",
      projections: [
        layer("q_proj", queries, width, hasInputBias), layer("k_proj", keys, width, hasInputBias),
        layer("v_proj", keys, width, hasInputBias),
      ],
      output: layer("o_proj", width, queries, hasOutputBias),
      queryNorm: hasHeadNorms ? headNorm(headNormNames.query, columns: queries) : nil,
      keyNorm: hasHeadNorms ? headNorm(headNormNames.key, columns: keys) : nil, rotary: rotary,
      shape: shape)
  }

  /// A gated feed-forward part.
  ///
  /// - Parameter isFused: Whether gate and up projection are one layer, `gate_up_proj`.
  func feedForward(_ size: Int, isFused: Bool = false) -> FeedForward {
    func layer(_ name: String, _ outputs: Int, _ inputs: Int) -> LayerSlot {
      LayerSlot("mlp.\(name)", outputs: outputs, inputs: inputs, hasBias: hasFeedForwardBias)
    }
    return FeedForward(
      inputs: isFused
        ? [layer("gate_up_proj", 2 * size, width)]
        : [layer("gate_proj", size, width), layer("up_proj", size, width)],
      isGated: true, function: configuration.function, output: layer("down_proj", width, size))
  }

  /// A feed-forward part without a gate.
  func plainFeedForward(_ size: Int, names: (up: String, down: String)) -> FeedForward {
    func layer(_ name: String, _ outputs: Int, _ inputs: Int) -> LayerSlot {
      LayerSlot(name, outputs: outputs, inputs: inputs, hasBias: hasFeedForwardBias)
    }
    return FeedForward(
      inputs: [layer(names.up, size, width)], isGated: false, function: configuration.function,
      output: layer(names.down, width, size))
  }

  /// The attention with norms of all queries, and of all keys, of a token.
  func withWholeNorms(_ attention: SelfAttention) -> SelfAttention {
    func norm(_ name: String, _ heads: Int) -> NormSlot {
      NormSlot(
        name, columns: heads * configuration.headSize, style: norms, epsilon: configuration.epsilon)
    }
    var attention = attention
    attention.queryNorm = norm(headNormNames.query, configuration.headCount)
    attention.keyNorm = norm(headNormNames.key, configuration.keyValueHeadCount)
    return attention
  }

  /// `x = x + f attention(norm(x)); x = x + f mlp(norm(x))`.
  func preNormBlock(
    _ attention: SelfAttention, _ feedForward: FeedForward, factor: Float = 1
  ) -> ResidualBlock {
    ResidualBlock(
      width: width,
      stages: [
        [
          Sublayer(
            inputNorm: norm("input_layernorm"), mixer: .attention(attention), factor: factor)
        ],
        [
          Sublayer(
            inputNorm: norm("post_attention_layernorm"), mixer: .feedForward(feedForward),
            factor: factor)
        ],
      ])
  }

  /// `x = x + norm(attention(x)); x = x + norm(mlp(x))`.
  func postNormBlock(_ attention: SelfAttention, _ feedForward: FeedForward) -> ResidualBlock {
    ResidualBlock(
      width: width,
      stages: [
        [
          Sublayer(
            mixer: .attention(attention), outputNorm: norm("post_attention_layernorm"))
        ],
        [
          Sublayer(
            mixer: .feedForward(feedForward), outputNorm: norm("post_feedforward_layernorm"))
        ],
      ])
  }

  /// The model of these blocks.
  func model(_ blocks: [any DecoderBlock]) -> ModelDescription {
    let front = ModelFront(
      name: "model.embed_tokens", vocabularySize: configuration.vocabularySize, width: width)
    let end = ModelEnd(
      norm: norm("model.norm"),
      head: LayerSlot("lm_head", outputs: front.vocabularySize, inputs: width),
      tiedTable: configuration.isTied ? front.table : nil)
    return ModelDescription(
      front: front,
      blocks: blocks.enumerated().map { PlacedBlock(name: "model.layers.\($0)", block: $1) },
      end: end, positionLimit: configuration.positionLimit)
  }
}
