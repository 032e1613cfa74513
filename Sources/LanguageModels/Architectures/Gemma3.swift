import Compute
import JSONText

/// Gemma 3, the text model: Gemma 2 with norms of heads in place of bounded scores, and angles of their own in blocks with
/// a window.
enum Gemma3: Architecture {
  static let modelTypes = ["gemma3_text"]

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration, Gemma2.defaults(positionLimit: 131_072))
    var parts = LlamaParts(keys, norms: .onePlusRootMeanSquare)
    parts.hasHeadNorms = true
    let window = try configuration.window(default: 4096)
    let scale = try Gemma2.attentionScale(configuration)
    let size = try configuration.size("intermediate_size")
    let pattern = try configuration.optional("sliding_window_pattern")?.int(in: 1...10_000) ?? 6
    var full = RotaryReader(keys)
    (full.base, full.layerType) = (1e6, "full_attention")
    var sliding = RotaryReader(keys)
    (sliding.layerType, sliding.baseKey) = ("sliding_attention", "rope_local_base_freq")
    sliding.ignoresTopLevelScaling = true
    let rotary = (full: try full.settings(), sliding: try sliding.settings())
    let isSliding = try configuration.slidingBlocks(count: keys.blockCount) {
      ($0 + 1) % pattern != 0
    }
    var model = parts.model(
      isSliding.map { isSliding in
        let shape = keys.attentionShape(
          scale: scale, visible: .init(window: isSliding ? window : nil))
        let attention = parts.attention(shape, rotary: isSliding ? rotary.sliding : rotary.full)
        return Gemma2.sandwich(parts, attention, parts.feedForward(size))
      })
    model.front.factor = Float(keys.hiddenSize).squareRoot()
    model.end.cap = try Gemma2.cap(configuration, "final_logit_softcapping", default: nil)
    return model
  }
}
