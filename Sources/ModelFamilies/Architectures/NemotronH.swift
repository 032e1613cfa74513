import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Nemotron H: blocks of one mixer each, which is Mamba 2, attention without positions, or a squared ReLU without a gate, of
/// all tokens or of experts.
enum NemotronH: Architecture {
  static let modelTypes = ["nemotron_h"]
  static let about = FamilyDescription(
    "Nemotron H, Nemotron Nano 2 and 3",
    "one mixer in a block: Mamba 2, attention, squared ReLU or experts of it")

  private enum Kind: CaseIterable { case attention, experts, feedForward, stateSpace }

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let kinds = try kinds(configuration)
    var defaults = DecoderConfiguration.Defaults(
      keyValueHeadCount: 8, headSize: 128, blockCount: kinds.count, positionLimit: 4096,
      epsilon: 1e-5, function: "relu2", epsilonKey: "layer_norm_epsilon")
    defaults.functionKey = "mlp_hidden_act"
    let keys = try DecoderConfiguration(configuration, defaults)
    guard keys.blockCount == kinds.count else {
      throw InputError(
        .invalidValue, place: "num_hidden_layers",
        "found \(keys.blockCount), but \(kinds.count) kinds of blocks are listed")
    }
    var parts = DecoderParts(keys)
    try parts.readBiases(knowsFeedForward: true)
    parts.attentionModule = "mixer"
    parts.names.embedding = "backbone.embeddings"
    parts.names.blocks = "backbone.layers"
    parts.names.norm = "backbone.norm_f"
    let attention = parts.attention(keys.attentionShape(), rotary: nil)
    var mixers: [Kind: Sublayer.Mixer] = [:]
    for kind in Kind.allCases where kinds.contains(kind) {
      mixers[kind] =
        switch kind {
        case .attention: .attention(attention)
        case .experts: .experts(try experts(parts))
        case .feedForward:
          .feedForward(
            parts.plainFeedForward(
              try configuration.size("intermediate_size"),
              names: ("mixer.up_proj", "mixer.down_proj")))
        case .stateSpace: .stateSpace(try stateSpace(keys))
        }
    }
    return parts.model(
      kinds.compactMap { mixers[$0] }.map { mixer in
        ResidualBlock(
          width: keys.hiddenSize, stages: [[Sublayer(inputNorm: parts.norm("norm"), mixer: mixer)]])
      })
  }

  private static func experts(_ parts: DecoderParts) throws -> Experts {
    let configuration = parts.configuration.reader
    var reader = ExpertsReader(parts)
    reader.module = "mixer"
    (reader.countKeys, reader.count, reader.perToken) = (["n_routed_experts"], 8, 2)
    reader.isGated = false
    (reader.score, reader.logits) = (.sigmoid, .float32)
    reader.normalization = try configuration.bool("norm_topk_prob", default: true) ? 1e-20 : nil
    reader.factor = try configuration.float("routed_scaling_factor", default: 1)
    reader.correction = ("mixer.gate.e_score_correction_bias", [])
    reader.groups = ("n_group", "topk_group")
    if let size = try configuration.optional("moe_latent_size")?.int(in: 1...1 << 24) {
      func layer(_ name: String, outputs: Int, inputs: Int) -> LayerSlot {
        LayerSlot(
          "mixer.\(name)_latent_proj", outputs: outputs, inputs: inputs,
          hasBias: parts.hasFeedForwardBias
        ).kept(.latent)
      }
      let width = parts.configuration.hiddenSize
      reader.latent = .init(
        input: layer("fc1", outputs: size, inputs: width),
        output: layer("fc2", outputs: width, inputs: size))
    }
    reader.shared = parts.plainFeedForward(
      try configuration.size("moe_shared_expert_intermediate_size"),
      names: ("mixer.shared_experts.up_proj", "mixer.shared_experts.down_proj"))
    return try reader.experts()
  }

  /// The mixers of the blocks, by a list of names or a pattern of letters.
  private static func kinds(_ configuration: JSONReader) throws -> [Kind] {
    let names: [String: Kind] = [
      "mamba": .stateSpace, "linear_attention": .stateSpace, "attention": .attention,
      "full_attention": .attention, "mlp": .feedForward, "moe": .experts,
    ]
    for key in ["layers_block_type", "layer_types"] {
      guard let list = try configuration.optional(key) else { continue }
      return try list.elements().map { type in
        guard let kind = names[try type.string()] else {
          throw type.mismatch("one of \(names.keys.sorted().joined(separator: ", "))")
        }
        return kind
      }
    }
    let letters: [Character: Kind] = [
      "M": .stateSpace, "*": .attention, "-": .feedForward, "E": .experts,
    ]
    let pattern = try configuration.required("hybrid_override_pattern")
    return try pattern.string().map { letter in
      guard let kind = letters[letter] else { throw pattern.mismatch("letters M, *, - and E") }
      return kind
    }
  }

  private static func stateSpace(_ keys: DecoderConfiguration) throws -> StateSpaceMixer {
    let configuration = keys.reader
    var reader = StateSpaceReader(configuration: configuration, width: keys.hiddenSize)
    reader.module = "mixer"
    reader.headCountKey = "mamba_num_heads"
    reader.groupCountKey = "n_groups"
    reader.stateSizeKey = "ssm_state_size"
    reader.tapsKey = "conv_kernel"
    reader.convolutionBiasKey = "use_conv_bias"
    reader.inputBiasKey = "use_bias"
    reader.hasOutputBias = try configuration.bool("use_bias", default: false)
    reader.defaults = (headCount: 128, groupCount: 8, stateSize: 128)
    reader.leastStep = try configuration.float("time_step_min", default: 0.001)
    reader.channels =
      try configuration.scanCount("mamba_num_heads", default: 128)
      * configuration.scanSize("mamba_head_dim", default: 64)
    var mixer = try reader.mixer()
    mixer.norm = .init(
      slot: reader.norm(mixer.scan, epsilon: keys.epsilon), isBeforeGate: false)
    return mixer
  }
}
