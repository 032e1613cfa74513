import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Models of Qwen with linear attention by the gated delta rule in most blocks, and gated attention in the others.
struct QwenHybrid {
  private(set) var parts: DecoderParts
  /// How what linear attention projects is ordered.
  var arrangement = GatedDelta.Arrangement.parts
  private var keys: DecoderConfiguration { parts.configuration }

  init(_ configuration: JSONReader, keyValueHeadCount: Int) throws {
    parts = DecoderParts(
      try DecoderConfiguration(
        configuration,
        .init(keyValueHeadCount: keyValueHeadCount, headSize: 256, positionLimit: 32_768)),
      norms: .onePlusRootMeanSquare)
    try parts.readBiases()
    parts.hasHeadNorms = true
  }

  /// The model whose blocks end with these parts.
  func model(_ second: [Sublayer.Mixer]) throws -> ModelDescription {
    let (attention, delta) = (try attention(), try linearAttention())
    return parts.model(
      zip(try linearBlocks(), second).map { isLinear, second in
        parts.block(isLinear ? .gatedDelta(delta) : .attention(attention), second)
      })
  }

  /// Which blocks have linear attention: as `layer_types` says, else all but every fourth, or as the interval says.
  private func linearBlocks() throws -> [Bool] {
    let (configuration, count) = (keys.reader, keys.blockCount)
    let interval =
      try configuration.optional("full_attention_interval")?.int(in: 1...10_000) ?? 4
    let names = ["linear_attention", "full_attention"]
    return try configuration.layerTypes(count: count, names: names)?.map {
      $0 == "linear_attention"
    } ?? (0..<count).map { ($0 + 1) % interval != 0 }
  }

  private func attention() throws -> SelfAttention {
    var reader = RotaryReader(keys)
    reader.fraction = 0.25
    var attention = parts.attention(keys.attentionShape(), rotary: try reader.settings())
    attention.arrangement = .gatedQueries
    attention.projections[0].outputs *= 2
    return attention
  }

  /// The heads of linear attention.
  private func scan() throws -> Scan {
    let configuration = keys.reader
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

  private func linearAttention() throws -> GatedDelta {
    let (configuration, width) = (keys.reader, keys.hiddenSize)
    let scan = try scan()
    let (queries, values) = (
      scan.keyHeadCount * scan.keySize, scan.valueHeadCount * scan.valueSize
    )
    func layer(_ name: String, _ outputs: Int) -> LayerSlot {
      LayerSlot("linear_attn.\(name)", outputs: outputs, inputs: width)
    }
    let projections =
      switch arrangement {
      case .parts:
        [
          layer("in_proj_qkv", 2 * queries + values), layer("in_proj_z", values),
          layer("in_proj_b", scan.valueHeadCount).kept(.smallProjection),
          layer("in_proj_a", scan.valueHeadCount).kept(.smallProjection),
        ]
      case .groups:
        [
          layer("in_proj_qkvz", 2 * (queries + values)),
          layer("in_proj_ba", 2 * scan.valueHeadCount).kept(.smallProjection),
        ]
      }
    return GatedDelta(
      projections: projections, arrangement: arrangement,
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
