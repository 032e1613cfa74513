import JSONText
import LanguageModels

/// Gemma 4, the text model: Gemma 3 with plain norms, other heads in blocks without a window, values that have a norm and may
/// be the keys, perhaps experts beside the feed-forward part, inputs for each block, and blocks that share keys and values.
enum Gemma4: Architecture {
  static let modelTypes = ["gemma4_text"]
  static let about = FamilyDescription(
    "Gemma 4, text",
    "larger heads in blocks without a window; norms of values; inputs for each block; shared keys and values"
  )

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 4, headSize: 256, positionLimit: 131_072, isTied: true,
        function: "gelu_pytorch_tanh", functionKey: "hidden_activation"))
    let parts = DecoderParts(keys)
    let feedForward = Gemma4FeedForward(parts)
    let blockInputs = Gemma4BlockInputs(parts)
    let inputs = try blockInputs.inputs()
    let attention = Gemma4Attention(parts)
    let (mixers, carried) = try attention.ofBlocks(carriedBefore: inputs?.columns ?? 0)
    let isWide = try configuration.bool("use_double_wide_mlp", default: false)
    let narrow = try feedForward.sublayer()
    let wide = isWide ? try feedForward.sublayer(isWide: true) : narrow
    var model = parts.model(
      mixers.map { mixer in
        parts.gemma4Block(
          mixer, mixer.readsCarried ? wide : narrow, inputs.map { blockInputs.sublayer($0) })
      })
    for index in model.blocks.indices {
      model.blocks[index].firstOwnColumn = inputs?.carried(ofBlock: index).first ?? 0
    }
    model.front.factor = Float(keys.hiddenSize).squareRoot()
    model.front.blockInputs = inputs
    model.carriedColumns = carried
    model.end.cap = try Gemma2.cap(configuration, "final_logit_softcapping", default: nil)
    return model
  }
}

extension DecoderParts {
  fileprivate func gemma4Block(
    _ attention: SelfAttention, _ feedForward: Sublayer, _ input: Sublayer?
  ) -> ResidualBlock {
    let first = Sublayer(
      inputNorm: norm("input_layernorm"), mixer: .attention(attention),
      outputNorm: norm("post_attention_layernorm"))
    var block = ResidualBlock(
      width: configuration.hiddenSize,
      stages: [[first], [feedForward]] + (input.map { [[$0]] } ?? []))
    block.scalar = StoredMatrix("layer_scalar")
    return block
  }
}
