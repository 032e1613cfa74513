import JSONText
import LanguageModels
import Recordings

/// Gemma 2: a norm on either side of each sublayer, windows in every other block, bounded scores and logits.
enum Gemma2: Architecture {
  static let modelTypes = ["gemma2"]
  static let about = FamilyDescription(
    "Gemma 2", "four norms in a block; bounded scores and logits")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, defaults(positionLimit: 8192))
    let parts = DecoderParts(keys, norms: .onePlusRootMeanSquare)
    let rotary = try RotaryReader(keys).settings()
    let window = try configuration.window(default: 4096)
    let scale = try attentionScale(configuration)
    let cap = try cap(configuration, "attn_logit_softcapping", default: 50)
    let feedForward = try parts.feedForward()
    let isSliding = try configuration.slidingBlocks(count: keys.blockCount) { $0 % 2 == 0 }
    var model = parts.model(
      isSliding.map { isSliding in
        var shape = keys.attentionShape(
          scale: scale, visible: .init(window: isSliding ? window : nil))
        shape.cap = cap
        return block(parts, parts.attention(shape, rotary: rotary), feedForward)
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

  /// A norm on either side of each sublayer; the second of them is called as the input norm of Llama's MLP is.
  static func block(
    _ parts: DecoderParts, _ attention: SelfAttention, _ feedForward: FeedForward
  ) -> ResidualBlock {
    parts.block(
      attention, feedForward, before: ("input_layernorm", "pre_feedforward_layernorm"),
      after: DecoderParts.outputNorms)
  }
}
