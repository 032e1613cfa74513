import Compute
import JSONText

/// Phi 3 and 4: Llama with fused projections, and heads of which only some channels may be rotated.
enum Phi3: Architecture {
  static let modelTypes = ["phi3"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(positionLimit: 4096, epsilon: 1e-5))
    let parts = LlamaParts(keys)
    var reader = RotaryReader(keys)
    // What others call YaRN is this family's own.
    reader.aliases = ["yarn": "longrope"]
    let visible = AttentionShape.VisibleKeys(window: try configuration.window())
    var attention = parts.attention(
      keys.attentionShape(visible: visible), rotary: try reader.settings())
    attention.projections = [
      LayerSlot(
        "self_attn.qkv_proj", outputs: attention.projections.reduce(0) { $0 + $1.outputs },
        inputs: keys.hiddenSize)
    ]
    let block = parts.preNormBlock(
      attention, parts.feedForward(try configuration.size("intermediate_size"), isFused: true))
    return parts.model(Array(repeating: block, count: keys.blockCount))
  }
}
