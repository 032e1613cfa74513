import JSONText
import LanguageModels
import Recordings

/// Reads multi-head latent attention, with the keys and names of DeepSeek-V2 and V3.
struct LatentAttentionReader {
  let parts: DecoderParts
  /// What the family means by absent keys.
  var defaults = Defaults()
  /// Whether positions turn queries and keys.
  var hasRotation = true

  struct Defaults {
    /// Nil: queries are made without a latent.
    var queryRank: Int? = 1536
    var keyValueRank = 512
    /// Channels of a head of queries and keys that positions do not turn, and of those that they do.
    var plainSize = 128
    var rotatedSize = 64
    var valueSize = 128
  }

  init(_ parts: DecoderParts) { self.parts = parts }

  /// What such families have in the place of `head_dim` and of heads of keys and values, which mean nothing here.
  static func configuration(_ defaults: DecoderConfiguration.Defaults)
    -> DecoderConfiguration.Defaults
  {
    var defaults = defaults
    (defaults.headSizeKey, defaults.headSize, defaults.keyValueHeadCountKey) = (nil, 64, nil)
    return defaults
  }

  func attention() throws -> LatentAttention {
    let reader = parts.configuration.reader
    func size(_ key: String, _ value: Int, in range: ClosedRange<Int>) throws -> Int {
      try reader.optional(key)?.int(in: range) ?? value
    }
    let (heads, width) = (parts.configuration.headCount, parts.configuration.hiddenSize)
    let rank = try size("kv_lora_rank", defaults.keyValueRank, in: 1...1 << 20)
    let plain = try size("qk_nope_head_dim", defaults.plainSize, in: 1...960)
    let rotated = try size("qk_rope_head_dim", defaults.rotatedSize, in: 2...64)
    let values = try size("v_head_dim", defaults.valueSize, in: 1...1024)
    guard rotated.isMultiple(of: 2) else {
      throw try reader.required("qk_rope_head_dim").mismatch("an even number")
    }
    func layer(_ name: String, _ outputs: Int, _ inputs: Int, hasBias: Bool = false) -> LayerSlot {
      LayerSlot(
        "\(parts.attentionModule).\(name)", outputs: outputs, inputs: inputs, hasBias: hasBias)
    }
    func latent(_ name: String, norm: String, _ rank: Int, shared: Int) -> LatentAttention.Latent {
      .init(
        layer: layer(name, rank + shared, width, hasBias: parts.hasInputBias),
        // Both norms have this epsilon whatever the configuration says of others.
        norm: NormSlot(
          "\(parts.attentionModule).\(norm)", columns: rank, style: parts.norms, epsilon: 1e-6))
    }
    let queries = heads * (plain + rotated)
    let queryRank = try queryRank()
    let rotary = try rotary(rotated)
    return LatentAttention(
      module: parts.attentionModule,
      queryLatent: queryRank.map { latent("q_a_proj", norm: "q_a_layernorm", $0, shared: 0) },
      query: queryRank.map { layer("q_b_proj", queries, $0) } ?? layer("q_proj", queries, width),
      keyValueLatent: latent("kv_a_proj_with_mqa", norm: "kv_a_layernorm", rank, shared: rotated),
      expansion: layer("kv_b_proj", heads * (plain + values), rank),
      output: layer("o_proj", width, heads * values, hasBias: parts.hasOutputBias),
      rotary: rotary,
      shape: AttentionShape(
        headCount: heads, keyValueHeadCount: heads, headSize: plain + rotated, valueSize: values,
        scale: try scale(plain + rotated)))
  }

  /// An explicit null is different from no key: it means that there is no latent.
  private func queryRank() throws -> Int? {
    let reader = parts.configuration.reader
    guard reader.value["q_lora_rank"] != nil else { return defaults.queryRank }
    return try reader.optional("q_lora_rank")?.int(in: 1...1 << 20)
  }

  private var rotaryReader: RotaryReader { RotaryReader(parts.configuration) }

  private func rotary(_ channels: Int) throws -> RotarySettings? {
    guard hasRotation else { return nil }
    var rotary = rotaryReader
    rotary.channels = channels
    let hasNeighbours = try parts.configuration.reader.bool("rope_interleave", default: true)
    rotary.pairing = hasNeighbours ? .neighbours : .halves
    return try rotary.settings()
  }

  /// The usual one, and with scaled angles the square of a factor that `mscale_all_dim` gives.
  private func scale(_ headSize: Int) throws -> Float {
    let usual = 1 / Double(headSize).squareRoot()
    guard hasRotation, let inner = try rotaryReader.inner(),
      let kind = try (inner.optional("rope_type") ?? inner.optional("type"))?.string(),
      kind != "default"
    else { return Float(usual) }
    let all = try inner.number("mscale_all_dim", default: 0)
    guard all != 0 else { return Float(usual) }
    let factor = RotaryReader.magnitude(all, factor: try inner.required("factor").positive())
    let scale = Float(usual * factor * factor)
    guard scale.isFinite else {
      throw try inner.required("mscale_all_dim").mismatch("a number that scores can be scaled by")
    }
    return scale
  }
}
