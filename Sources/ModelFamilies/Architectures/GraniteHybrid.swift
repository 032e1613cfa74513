import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Granite 4: Granite 3's factors, Mamba 2 or attention in a block, and a fused gate and up projection, beside experts in
/// some models.
enum GraniteHybrid: Architecture {
  static let modelTypes = ["granitemoehybrid"]
  static let about = FamilyDescription(
    "Granite 4", "Mamba 2 or attention, without positions or with them; experts beside a shared one"
  )

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration)
    var parts = DecoderParts(keys)
    try parts.readBiases()
    let position = try configuration.optional("position_embedding_type")?.string()
    let attention = parts.attention(
      keys.attentionShape(
        scale: try configuration.float("attention_multiplier", default: 1)),
      rotary: position == "rope" ? try RotaryReader(keys).settings() : nil)
    let mixer = try stateSpace(keys)
    let size = try configuration.optional("shared_intermediate_size")?.int(in: 1...1 << 24) ?? 1024
    let shared = parts.fusedFeedForward(
      size, names: ("shared_mlp.input_linear", "shared_mlp.output_linear"))
    var second = Sublayer.Mixer.feedForward(shared)
    if try configuration.optional("num_local_experts")?.int(in: 0...4096) != 0 {
      var experts = GraniteMoE.experts(parts)
      experts.shared = shared
      second = .experts(try experts.experts())
    }
    let factor = try configuration.float("residual_multiplier", default: 1)
    let model = parts.model(
      try attentionBlocks(configuration, count: keys.blockCount).map { isAttention in
        parts.block(
          isAttention ? .attention(attention) : .stateSpace(mixer), second, factor: factor)
      })
    return try Granite.scaled(model, configuration)
  }

  /// Which blocks have attention; without a list, none.
  private static func attentionBlocks(_ configuration: JSONReader, count: Int) throws -> [Bool] {
    let names = ["linear_attention", "mamba", "full_attention", "attention"]
    let key = configuration.value["layer_types"] == nil ? "layers_block_type" : "layer_types"
    return try configuration.layerTypes(key, count: count, names: names)?
      .map { names.suffix(2).contains($0) } ?? Array(repeating: false, count: count)
  }

  private static func stateSpace(_ keys: DecoderConfiguration) throws -> StateSpaceMixer {
    let configuration = keys.reader
    var reader = StateSpaceReader(configuration: configuration, width: keys.hiddenSize)
    let expansion = try configuration.optional("mamba_expand")?.int(in: 1...64) ?? 2
    reader.channels = expansion * keys.hiddenSize
    reader.hasOutputBias = try configuration.bool("mamba_proj_bias", default: false)
    var mixer = try reader.mixer()
    mixer.norm = .init(
      slot: reader.norm(mixer.scan, epsilon: keys.epsilon), isBeforeGate: false)
    return mixer
  }
}
