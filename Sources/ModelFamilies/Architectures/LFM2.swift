import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// LFM 2: gated convolutions over three tokens, with a block of attention after some of them.
enum LFM2: Architecture {
  static let modelTypes = ["lfm2"]
  static let about = FamilyDescription(
    "LFM 2, dense", "gated convolutions over three tokens beside blocks of attention")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let parts = try parts(configuration)
    let feedForward = parts.gatedFeedForward(
      try feedForwardSize(configuration), names: feedForwardNames)
    return try model(
      parts, Array(repeating: .feedForward(feedForward), count: parts.configuration.blockCount))
  }

  /// What the layers of a feed-forward part are called.
  static let feedForwardNames = (
    gate: "feed_forward.w1", up: "feed_forward.w3", down: "feed_forward.w2"
  )

  static func parts(_ configuration: JSONReader) throws -> DecoderParts {
    var defaults = DecoderConfiguration.Defaults(
      keyValueHeadCount: 8, positionLimit: 128_000, epsilon: 1e-5, epsilonKey: "norm_eps")
    defaults.isTied = try configuration.bool("tie_embedding", default: true)
    let keys = try DecoderConfiguration(configuration, defaults)
    var parts = DecoderParts(keys)
    parts.names.norm = "model.embedding_norm"
    parts.hasHeadNorms = true
    parts.headNormNames = ("self_attn.q_layernorm", "self_attn.k_layernorm")
    return parts
  }

  /// The model whose blocks end with these parts.
  static func model(_ parts: DecoderParts, _ second: [Sublayer.Mixer]) throws -> ModelDescription {
    let keys = parts.configuration
    var reader = RotaryReader(keys)
    reader.base = 1e6
    let attention = parts.attention(
      keys.attentionShape(), rotary: try reader.settings(), output: "out_proj")
    let convolution = try convolution(keys)
    let isAttention = try attentionBlocks(keys.reader, count: keys.blockCount)
    return parts.model(
      zip(isAttention, second).map { isAttention, second in
        parts.block(
          isAttention ? .attention(attention) : .shortConvolution(convolution), second,
          before: ("operator_norm", "ffn_norm"))
      })
  }

  /// Which blocks have attention: as `layer_types` says, else those that `full_attn_idxs` lists, else all.
  private static func attentionBlocks(_ configuration: JSONReader, count: Int) throws -> [Bool] {
    let names = ["conv", "full_attention"]
    if let types = try configuration.layerTypes(count: count, names: names) {
      return types.map { $0 == "full_attention" }
    }
    guard let list = try configuration.optional("full_attn_idxs") else {
      return Array(repeating: true, count: count)
    }
    var blocks = Array(repeating: false, count: count)
    for index in try list.elements() { blocks[try index.int(in: 0...count - 1)] = true }
    return blocks
  }

  private static func convolution(_ keys: DecoderConfiguration) throws -> ShortConvolution {
    let (reader, width) = (keys.reader, keys.hiddenSize)
    let hasBias = try reader.bool("conv_bias", default: false)
    let taps = try reader.taps("conv_L_cache", default: 3)
    return ShortConvolution(
      input: LayerSlot("conv.in_proj", outputs: 3 * width, inputs: width, hasBias: hasBias),
      convolution: ConvolutionSlot(
        "conv.conv", columns: width, hasBias: hasBias, kind: .init(taps: taps, hasSiLU: false)),
      output: LayerSlot("conv.out_proj", outputs: width, inputs: width, hasBias: hasBias))
  }

  /// Two thirds of what the configuration says, times a factor, and then up to a multiple, unless that is switched off.
  private static func feedForwardSize(_ configuration: JSONReader) throws -> Int {
    let key = configuration.value["intermediate_size"] == nil ? "block_ff_dim" : "intermediate_size"
    let size = try configuration.size(key)
    guard try configuration.bool("block_auto_adjust_ff_dim", default: true) else { return size }
    let factor = try configuration.optional("block_ffn_dim_multiplier")?.positive() ?? 1
    let multiple = try configuration.optional("block_multiple_of")?.int(in: 1...1 << 24) ?? 256
    let adjusted = (Double(2 * size / 3) * factor).rounded(.down)
    guard adjusted >= 1, adjusted <= Double(1 << 24) else {
      throw InputError(
        .invalidValue, place: "block_ffn_dim_multiplier",
        "makes \(adjusted) channels of \(key), expected from 1 to \(1 << 24)")
    }
    return (Int(adjusted) + multiple - 1) / multiple * multiple
  }
}
