import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Falcon H1: attention and a mixer of Mamba 2 beside each other in every block, with factors on nearly everything.
enum FalconH1: Architecture {
  static let modelTypes = ["falcon_h1"]
  static let about = FamilyDescription(
    "Falcon H1", "attention and a mixer of Mamba 2 beside each other in each block")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 8, positionLimit: 8192, epsilon: 1e-5))
    var parts = DecoderParts(keys)
    try parts.readBiases(knowsFeedForward: true)
    parts.names.norm = "model.final_layernorm"
    func factor(_ key: String) throws -> Float { try configuration.float(key, default: 1) }
    var attention = parts.attention(
      keys.attentionShape(), rotary: try RotaryReader(keys).settings())
    attention.keyFactor = try factor("key_multiplier")
    var feedForward = parts.gatedFeedForward(
      try configuration.size("intermediate_size"),
      names: ("feed_forward.gate_proj", "feed_forward.up_proj", "feed_forward.down_proj"))
    let ofFeedForward = try configuration.factors("mlp_multipliers", count: 2)
    feedForward.gateFactor = ofFeedForward.first ?? 1
    let norm = parts.norm("input_layernorm")
    let block = ResidualBlock(
      width: keys.hiddenSize,
      stages: [
        [
          Sublayer(
            inputNorm: norm, inputFactor: try factor("ssm_in_multiplier"),
            mixer: .stateSpace(try mixer(keys)), factor: try factor("ssm_out_multiplier")),
          Sublayer(
            inputNorm: norm, inputFactor: try factor("attention_in_multiplier"),
            mixer: .attention(attention), factor: try factor("attention_out_multiplier")),
        ],
        [
          Sublayer(
            inputNorm: parts.norm("pre_ff_layernorm"), mixer: .feedForward(feedForward),
            factor: ofFeedForward.last ?? 1)
        ],
      ])
    var model = parts.model(of: block)
    model.front.factor = try factor("embedding_multiplier")
    model.end.factor = try factor("lm_head_multiplier")
    return model
  }

  private static func mixer(_ keys: DecoderConfiguration) throws -> StateSpaceMixer {
    let configuration = keys.reader
    var reader = StateSpaceReader(configuration: configuration, width: keys.hiddenSize)
    reader.headCountKey = "mamba_n_heads"
    let expansion = try configuration.optional("mamba_expand")?.positive() ?? 2
    reader.channels =
      configuration.value["mamba_d_ssm"] == nil
      ? 1024
      : try configuration.optional("mamba_d_ssm")?.int(in: 1...1 << 24)
        ?? Int(min(expansion * Double(keys.hiddenSize), Double(1 << 24)))
    reader.hasOutputBias = try configuration.bool("projectors_bias", default: false)
    var mixer = try reader.mixer()
    mixer.factors = try configuration.factors("ssm_multipliers", count: 5)
    if try configuration.bool("mamba_rms_norm", default: false) {
      mixer.norm = .init(
        slot: reader.norm(mixer.scan, epsilon: keys.epsilon),
        isBeforeGate: try configuration.bool("mamba_norm_before_gate", default: true))
    }
    return mixer
  }
}

extension JSONReader {
  /// So many factors; empty where they are absent.
  func factors(_ key: String, count: Int) throws -> [Float] {
    guard let list = try optional(key) else { return [] }
    let factors = try list.elements().map { try $0.float() }
    guard factors.count == count else { throw list.mismatch("\(count) numbers") }
    return factors
  }
}
