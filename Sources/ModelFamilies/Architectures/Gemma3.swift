import JSONText
import LanguageModels
import Recordings

/// Gemma 3, the text model: Gemma 2 with norms of heads in place of bounded scores, and angles of their own in blocks with
/// a window.
enum Gemma3: Architecture {
  static let modelTypes = ["gemma3_text"]
  static let about = FamilyDescription(
    "Gemma 3, text", "norms of heads; other angles in blocks with a window")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, Gemma2.defaults(positionLimit: 131_072))
    var parts = DecoderParts(keys, norms: .onePlusRootMeanSquare)
    parts.hasHeadNorms = true
    let window = try configuration.window(default: 4096)
    let scale = try Gemma2.attentionScale(configuration)
    let feedForward = try parts.feedForward()
    var full = RotaryReader(keys)
    (full.base, full.layerType) = (1e6, "full_attention")
    var sliding = full.ofSlidingLayers
    (sliding.base, sliding.baseKey) = (1e4, "rope_local_base_freq")
    let rotary = (full: try full.settings(), sliding: try sliding.settings())
    let isSliding = try configuration.slidingBlocks(count: keys.blockCount, fullEvery: 6)
    var model = parts.model(
      isSliding.map { isSliding in
        let shape = keys.attentionShape(
          scale: scale, visible: .init(window: isSliding ? window : nil))
        let attention = parts.attention(shape, rotary: isSliding ? rotary.sliding : rotary.full)
        return Gemma2.block(parts, attention, feedForward)
      })
    model.front.factor = Float(keys.hiddenSize).squareRoot()
    model.end.cap = try Gemma2.cap(configuration, "final_logit_softcapping", default: nil)
    return model
  }
}
