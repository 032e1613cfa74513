import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Gemma 4, the text model: Gemma 3 with plain norms, other heads in blocks without a window, values that have a norm and may
/// be the keys, and perhaps experts beside the feed-forward part.
enum Gemma4: Architecture {
  static let modelTypes = ["gemma4_text"]
  static let about = FamilyDescription(
    "Gemma 4, text",
    "larger heads in blocks without a window; norms of values, which may be the keys",
    limits:
      "inputs for each block and keys that blocks share are not computed (E2B, E4B); experts are computed, but not quantized"
  )

  static func knows(_ configuration: JSONReader) -> Bool {
    (try? requireOwnInputs(configuration)) != nil
  }

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    try requireOwnInputs(configuration)
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 4, headSize: 256, positionLimit: 131_072, isTied: true,
        function: "gelu_pytorch_tanh", functionKey: "hidden_activation"))
    let parts = DecoderParts(keys)
    let isSliding = try configuration.slidingBlocks(count: keys.blockCount, fullEvery: 6)
    let feedForward = try Gemma4FeedForward(parts).sublayer()
    let attention = Gemma4Attention(parts)
    let (sliding, full) = (
      isSliding.contains(true) ? try attention.sliding() : nil, try attention.full()
    )
    var model = parts.model(
      try isSliding.enumerated().map { index, isSliding in
        let own = try isSliding ? sliding : attention.changed(full, ofBlock: index)
        return parts.gemma4Block(own ?? full, feedForward)
      })
    model.front.factor = Float(keys.hiddenSize).squareRoot()
    model.end.cap = try Gemma2.cap(configuration, "final_logit_softcapping", default: nil)
    return model
  }

  /// Refuses models whose blocks read more than what the block before them answers.
  private static func requireOwnInputs(_ configuration: JSONReader) throws {
    let size =
      configuration.value["hidden_size_per_layer_input"] == nil
      ? 256 : try configuration.optional("hidden_size_per_layer_input")?.int(in: 0...1 << 20) ?? 0
    guard size == 0 else {
      throw InputError(
        .unsupported, place: "hidden_size_per_layer_input",
        "found \(size); inputs for each block are not supported, expected 0")
    }
    let shared = try configuration.optional("num_kv_shared_layers")?.int(in: 0...10_000) ?? 0
    guard shared == 0 else {
      throw InputError(
        .unsupported, place: "num_kv_shared_layers",
        "found \(shared); blocks that share keys and values are not supported, expected 0")
    }
  }
}

extension DecoderParts {
  fileprivate func gemma4Block(_ attention: SelfAttention, _ feedForward: Sublayer)
    -> ResidualBlock
  {
    var block = ResidualBlock(
      width: configuration.hiddenSize,
      stages: [
        [
          Sublayer(
            inputNorm: norm("input_layernorm"), mixer: .attention(attention),
            outputNorm: norm("post_attention_layernorm"))
        ], [feedForward],
      ])
    block.scalar = StoredMatrix("layer_scalar")
    return block
  }
}
