import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Qwen 3.5, the text model: three blocks of linear attention by the gated delta rule, then one of attention whose answers
/// are gated.
enum Qwen35: Architecture {
  static let modelTypes = ["qwen3_5_text"]
  static let about = FamilyDescription(
    "Qwen 3.5, dense, text",
    "linear attention by the gated delta rule; gated attention in every fourth block")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 4, headSize: 256, positionLimit: 32_768))
    let parts = try parts(keys)
    let feedForward = try parts.feedForward()
    let (attention, delta) = (try attention(keys, parts), try linearAttention(keys))
    return parts.model(
      try linearBlocks(configuration, count: keys.blockCount).map { isLinear in
        parts.block(
          isLinear ? .gatedDelta(delta) : .attention(attention), .feedForward(feedForward))
      })
  }

  private static func parts(_ keys: DecoderConfiguration) throws -> DecoderParts {
    var parts = DecoderParts(keys, norms: .onePlusRootMeanSquare)
    try parts.readBiases()
    parts.hasHeadNorms = true
    return parts
  }

  /// Which blocks have linear attention: as `layer_types` says, else all but every fourth, or as the interval says.
  private static func linearBlocks(_ configuration: JSONReader, count: Int) throws -> [Bool] {
    let interval =
      try configuration.optional("full_attention_interval")?.int(in: 1...10_000) ?? 4
    let names = ["linear_attention", "full_attention"]
    return try configuration.layerTypes(count: count, names: names)?.map {
      $0 == "linear_attention"
    } ?? (0..<count).map { ($0 + 1) % interval != 0 }
  }

  private static func attention(
    _ keys: DecoderConfiguration, _ parts: DecoderParts
  ) throws -> SelfAttention {
    var reader = RotaryReader(keys)
    reader.fraction = 0.25
    var attention = parts.attention(keys.attentionShape(), rotary: try reader.settings())
    attention.arrangement = .gatedQueries
    attention.projections[0].outputs *= 2
    return attention
  }

  /// The heads of linear attention.
  private static func scan(_ configuration: JSONReader) throws -> Scan {
    let scan = Scan(
      keyHeadCount: try configuration.scanCount("linear_num_key_heads", default: 16),
      valueHeadCount: try configuration.scanCount("linear_num_value_heads", default: 32),
      keySize: try configuration.scanSize("linear_key_head_dim", default: 128),
      valueSize: try configuration.scanSize("linear_value_head_dim", default: 128),
      rule: .delta(epsilon: 1e-6))
    guard scan.valueHeadCount.isMultiple(of: scan.keyHeadCount) else {
      throw InputError(
        .invalidValue, place: "linear_num_value_heads",
        "found \(scan.valueHeadCount), expected a multiple of linear_num_key_heads, which is \(scan.keyHeadCount)"
      )
    }
    return scan
  }

  private static func linearAttention(_ keys: DecoderConfiguration) throws -> GatedDelta {
    let (configuration, width) = (keys.reader, keys.hiddenSize)
    let scan = try scan(configuration)
    let (queries, values) = (
      scan.keyHeadCount * scan.keySize, scan.valueHeadCount * scan.valueSize
    )
    func layer(_ name: String, _ outputs: Int) -> LayerSlot {
      LayerSlot("linear_attn.\(name)", outputs: outputs, inputs: width)
    }
    return GatedDelta(
      projections: [
        layer("in_proj_qkv", 2 * queries + values), layer("in_proj_z", values),
        layer("in_proj_b", scan.valueHeadCount).kept(.smallProjection),
        layer("in_proj_a", scan.valueHeadCount).kept(.smallProjection),
      ],
      convolution: ConvolutionSlot(
        "linear_attn.conv1d", columns: 2 * queries + values, hasBias: false,
        kind: .init(
          taps: try configuration.taps("linear_conv_kernel_dim", default: 4), hasSiLU: true)),
      scan: scan, decay: StoredMatrix("linear_attn.A_log"), decayShape: [scan.valueHeadCount],
      bias: StoredMatrix("linear_attn.dt_bias"),
      norm: NormSlot(
        "linear_attn.norm", columns: values, groupSize: scan.valueSize, epsilon: keys.epsilon),
      gate: .silu,
      output: LayerSlot("linear_attn.out_proj", outputs: width, inputs: values))
  }
}
