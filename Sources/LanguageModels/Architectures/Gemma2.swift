import Compute
import JSONText

/// Gemma 2: a norm on either side of each sublayer, windows in every other block, bounded scores and logits.
enum Gemma2: Architecture {
  static let modelTypes = ["gemma2"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, defaults(positionLimit: 8192))
    let parts = LlamaParts(keys, norms: .onePlusRootMeanSquare)
    let rotary = try RotaryReader(keys).settings()
    let window = try configuration.window(default: 4096)
    let scale = try attentionScale(configuration)
    let cap = try cap(configuration, "attn_logit_softcapping", default: 50)
    let size = try configuration.size("intermediate_size")
    let isSliding = try configuration.slidingBlocks(count: keys.blockCount) { $0 % 2 == 0 }
    var model = parts.model(
      isSliding.map { isSliding in
        var shape = keys.attentionShape(
          scale: scale, visible: .init(window: isSliding ? window : nil))
        shape.cap = cap
        return sandwich(parts, parts.attention(shape, rotary: rotary), parts.feedForward(size))
      })
    model.front.factor = Float(keys.hiddenSize).squareRoot()
    model.end.cap = try self.cap(configuration, "final_logit_softcapping", default: 30)
    return model
  }

  static func defaults(positionLimit: Int) -> DecoderConfiguration.Defaults {
    .init(
      keyValueHeadCount: 4, headSize: 256, positionLimit: positionLimit, isTied: true,
      function: "gelu_pytorch_tanh", functionKey: "hidden_activation")
  }

  /// The scale of scores, which does not follow from the size of heads.
  static func attentionScale(_ configuration: JSONReader) throws -> Float {
    let scalar = try configuration.optional("query_pre_attn_scalar")?.positive() ?? 256
    return Float(1 / scalar.squareRoot())
  }

  /// A bound: `value` where the key is absent, none where it is null.
  static func cap(_ configuration: JSONReader, _ key: String, default value: Float?) throws
    -> Float?
  {
    guard configuration.value[key] != nil else { return value }
    return try configuration.optional(key).map { Float(try $0.positive()) }
  }

  /// `x = x + norm(attention(norm(x))); x = x + norm(mlp(norm(x)))`.
  static func sandwich(
    _ parts: LlamaParts, _ attention: SelfAttention, _ feedForward: FeedForward
  ) -> ResidualBlock {
    ResidualBlock(
      width: parts.configuration.hiddenSize,
      stages: [
        [
          Sublayer(
            inputNorm: parts.norm("input_layernorm"), mixer: .attention(attention),
            outputNorm: parts.norm("post_attention_layernorm"))
        ],
        [
          Sublayer(
            inputNorm: parts.norm("pre_feedforward_layernorm"), mixer: .feedForward(feedForward),
            outputNorm: parts.norm("post_feedforward_layernorm"))
        ],
      ])
  }
}
