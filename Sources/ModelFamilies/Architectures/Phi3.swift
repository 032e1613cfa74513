import JSONText
import LanguageModels
import Recordings

/// Phi 3 and 4: Llama with fused projections, and heads of which only some channels may be rotated.
enum Phi3: Architecture {
  static let modelTypes = ["phi3"]
  static let about = FamilyDescription("Phi 3 and 4", "fused projections")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(positionLimit: 4096, epsilon: 1e-5))
    let parts = DecoderParts(keys)
    var reader = RotaryReader(keys)
    // What others call YaRN is this family's own.
    reader.aliases = ["yarn": "longrope"]
    let visible = AttentionShape.VisibleKeys(window: try configuration.window())
    let attention = parts.fusedAttention(
      "self_attn", projection: "qkv_proj", output: "o_proj",
      keys.attentionShape(visible: visible), arrangement: .parts, rotary: try reader.settings())
    let block = parts.block(attention, try parts.feedForward(isFused: true))
    return parts.model(of: block)
  }
}
