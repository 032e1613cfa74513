import JSONText
import LanguageModels
import Recordings

/// Kimi Linear: linear attention whose keys decay channel by channel, in every fourth block or so latent attention without
/// positions; and experts like DeepSeek-V3's.
enum KimiLinear: Architecture {
  static let modelTypes = ["kimi_linear"]
  static let about = FamilyDescription(
    "Kimi Linear",
    "linear attention with a decay for each channel; latent attention without positions; experts")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    var defaults = DecoderConfiguration.Defaults(positionLimit: 8192, epsilon: 1e-5)
    defaults.positionLimitKey = "model_max_length"
    let keys = try DecoderConfiguration(
      configuration, LatentAttentionReader.configuration(defaults))
    let parts = DecoderParts(keys)
    let isLinear = try linearBlocks(configuration, count: keys.blockCount)
    let isDense = try configuration.denseBlocks(count: keys.blockCount, first: 1)
    let linear =
      isLinear.contains(true) ? Sublayer.Mixer.gatedDelta(try linearAttention(keys)) : nil
    let latent = isLinear.contains(false) ? try latentAttention(parts) : nil
    let second = try parts.secondParts(isDense: isDense) { try experts(parts) }
    return parts.model(
      zip(isLinear, second).compactMap { isLinear, second in
        (isLinear ? linear : latent).map { parts.block($0, second) }
      })
  }

  /// Which blocks have linear attention: by a list of types, else by the numbers of blocks, counted from 1.
  private static func linearBlocks(_ configuration: JSONReader, count: Int) throws -> [Bool] {
    let types = try configuration.layerTypes(
      count: count, names: ["linear_attention", "full_attention"])
    let lists = try configuration.optional("linear_attn_config")
    let linear = Set(
      try lists?.optional("kda_layers")?.elements().map { try $0.int(in: 1...count) } ?? [])
    return types?.map { $0 == "linear_attention" } ?? (1...count).map(linear.contains)
  }

  private static func latentAttention(_ parts: DecoderParts) throws -> Sublayer.Mixer {
    var attention = LatentAttentionReader(parts)
    attention.defaults.queryRank = nil
    attention.hasRotation = false
    return .latentAttention(try attention.attention())
  }

  private static func experts(_ parts: DecoderParts) throws -> Experts {
    let configuration = parts.configuration.reader
    var experts = ExpertsReader(parts)
    experts.module = "block_sparse_moe"
    experts.names = ("w1", "w3", "w2")
    experts.perTokenKey = "num_experts_per_token"
    (experts.count, experts.perToken, experts.width) = (256, 8, 1024)
    (experts.score, experts.logits) = (.sigmoid, .float32)
    experts.normalization = try configuration.bool("moe_renormalize", default: true) ? 1e-20 : nil
    experts.factor = try configuration.float("routed_scaling_factor", default: 2.446)
    experts.correction = ("block_sparse_moe.gate.e_score_correction_bias", [])
    experts.groups = ("num_expert_group", "topk_group")
    try experts.readShared("num_shared_experts", default: 1)
    return try experts.experts()
  }

  private static func linearAttention(_ keys: DecoderConfiguration) throws -> GatedDelta {
    let (configuration, width) = (keys.reader, keys.hiddenSize)
    let inner = try configuration.optional("linear_attn_config") ?? configuration
    let isNested = configuration.value["linear_attn_config"] != nil
    let count = try inner.scanCount(isNested ? "num_heads" : "linear_num_heads", default: 32)
    let size = try inner.scanSize(isNested ? "head_dim" : "linear_head_dim", default: 128)
    let taps = try inner.taps(
      isNested ? "short_conv_kernel_size" : "linear_conv_kernel_dim", default: 4)
    var scan = Scan(
      keyHeadCount: count, valueHeadCount: count, keySize: size, valueSize: size,
      rule: .delta(epsilon: 1e-6))
    scan.decaysByChannel = true
    let channels = count * size
    func layer(_ name: String, _ outputs: Int, _ inputs: Int) -> LayerSlot {
      LayerSlot("self_attn.\(name)", outputs: outputs, inputs: inputs)
    }
    func pair(_ name: String) -> [LayerSlot] {
      [layer("\(name)_a_proj", size, width), layer("\(name)_b_proj", channels, size)].map {
        $0.kept(.smallProjection)
      }
    }
    return GatedDelta(
      projections: ["q_proj", "k_proj", "v_proj"].map { layer($0, channels, width) }
        + [layer("b_proj", count, width).kept(.smallProjection)],
      gateLayers: pair("g"), stepLayers: pair("f"),
      convolution: ConvolutionSlot(
        ["q", "k", "v"].map { "self_attn.\($0)_conv1d" }, columns: channels,
        kind: .init(taps: taps, hasSiLU: true)),
      scan: scan, decay: StoredMatrix("self_attn.A_log"), decayShape: [1, 1, count, 1],
      bias: StoredMatrix("self_attn.dt_bias"),
      norm: NormSlot(
        "self_attn.o_norm", columns: channels, groupSize: size, epsilon: keys.epsilon),
      gate: .sigmoid, output: layer("o_proj", width, channels))
  }
}
