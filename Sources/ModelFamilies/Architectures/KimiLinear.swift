import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Kimi Linear: linear attention whose keys decay channel by channel. Of its blocks, those with that and a plain
/// feed-forward part are computed.
enum KimiLinear: Architecture {
  static let modelTypes = ["kimi_linear"]
  static let about = FamilyDescription(
    "Kimi Linear", "linear attention with a decay for each channel",
    limits:
      "blocks with experts or latent attention are not computed, which is all published models")

  static func knows(_ configuration: JSONReader) -> Bool {
    guard let blocks = try? blocks(configuration) else { return true }
    return blocks.allSatisfy { $0.isLinear && $0.isDense }
  }

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    var defaults = DecoderConfiguration.Defaults(positionLimit: 8192, epsilon: 1e-5)
    defaults.positionLimitKey = "model_max_length"
    let keys = try DecoderConfiguration(configuration, defaults)
    let parts = DecoderParts(keys)
    for (index, block) in try blocks(configuration).enumerated()
    where !(block.isLinear && block.isDense) {
      throw InputError(
        .unsupported, place: "model_type",
        "block \(index) has \(block.isLinear ? "experts" : "latent attention"), which is not supported in models "
          + "of this family")
    }
    let block = parts.block(
      .gatedDelta(try linearAttention(keys)), .feedForward(try parts.feedForward()))
    return parts.model(of: block)
  }

  /// Which blocks have linear attention, and which no experts: by a list of types, else by the numbers of blocks,
  /// counted from 1, and by how many at the beginning have none.
  private static func blocks(
    _ configuration: JSONReader
  ) throws -> [(isLinear: Bool, isDense: Bool)] {
    let count = try configuration.required("num_hidden_layers").int(in: 1...10_000)
    let types = try configuration.layerTypes(
      count: count, names: ["linear_attention", "full_attention"])
    let lists = try configuration.optional("linear_attn_config")
    let linear = Set(
      try lists?.optional("kda_layers")?.elements().map { try $0.int(in: 1...count) } ?? [])
    let dense = try configuration.optional("first_k_dense_replace")?.int(in: 0...10_000) ?? 1
    let kinds = try configuration.optional("mlp_layer_types")?.elements().map { try $0.string() }
    guard kinds.map({ $0.count == count }) ?? true else {
      throw configuration.mismatch("mlp_layer_types with \(count) entries, one for each block")
    }
    return (0..<count).map { index in
      (
        isLinear: types.map { $0[index] == "linear_attention" } ?? linear.contains(index + 1),
        isDense: kinds.map { $0[index] == "dense" } ?? (index < dense)
      )
    }
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
