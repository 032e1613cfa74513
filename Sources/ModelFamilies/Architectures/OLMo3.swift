import JSONText
import LanguageModels
import Recordings

/// OLMo 3: OLMo 2 with windows in three blocks of four, whose angles are not scaled.
enum OLMo3: Architecture {
  static let modelTypes = ["olmo3"]
  static let about = FamilyDescription(
    "OLMo 3", "norms after the sublayers, and of all queries and keys of a token together")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(positionLimit: 65_536, epsilon: 1e-5))
    let window = try configuration.window(default: 4096)
    var full = RotaryReader(keys)
    (full.base, full.layerType) = (5e5, "full_attention")
    let rotary = (full: try full.settings(), sliding: try full.ofSlidingLayers.settings())
    let isSliding = try configuration.slidingBlocks(count: keys.blockCount) { ($0 + 1) % 4 != 0 }
    return DecoderParts(keys).model(
      try isSliding.map { isSliding in
        try OLMo2.block(
          keys, keys.attentionShape(visible: .init(window: isSliding ? window : nil)),
          isSliding ? rotary.sliding : rotary.full)
      })
  }
}
