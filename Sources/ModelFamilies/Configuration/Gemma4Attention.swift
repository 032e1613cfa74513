import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Reads the attention of Gemma 4, of blocks with a window and of those without.
struct Gemma4Attention {
  private let parts: DecoderParts
  private var keys: DecoderConfiguration { parts.configuration }
  private var reader: JSONReader { keys.reader }

  init(_ parts: DecoderParts) {
    var parts = parts
    parts.hasHeadNorms = true
    self.parts = parts
  }

  func sliding() throws -> SelfAttention {
    var rotary = RotaryReader(keys).ofSlidingLayers
    (rotary.base, rotary.baseKey) = (1e4, "rope_local_base_freq")
    let window = try reader.window(default: 512)
    return attention(
      keys.attentionShape(scale: 1, visible: .init(window: window)), try rotary.settings())
  }

  func full() throws -> SelfAttention {
    try full(
      headSize: try reader.optional("global_head_dim")?.int(in: 2...1024) ?? 512,
      keyValueHeads: hasValuesOfKeys
        ? try reader.optional("num_global_key_value_heads")?.int(in: 1...4096) : nil,
      place: "num_global_key_value_heads")
  }

  /// The same with what `per_layer_config` says of a block, where a configuration has that in the place of the keys for
  /// all blocks.
  func changed(_ full: SelfAttention, ofBlock index: Int) throws -> SelfAttention {
    guard let own = try reader.optional("per_layer_config")?.optional("\(index)") else {
      return full
    }
    return try self.full(
      headSize: try own.optional("head_dim")?.int(in: 2...1024) ?? full.shape.headSize,
      keyValueHeads: try own.optional("num_key_value_heads")?.int(in: 1...4096)
        ?? full.shape.keyValueHeadCount,
      place: "per_layer_config.\(index).num_key_value_heads")
  }

  private var hasValuesOfKeys: Bool {
    get throws { try reader.bool("attention_k_eq_v", default: false) }
  }

  private func full(headSize: Int, keyValueHeads: Int?, place: String) throws -> SelfAttention {
    var shape = keys.attentionShape(scale: 1)
    (shape.headSize, shape.valueSize) = (headSize, headSize)
    shape.keyValueHeadCount = keyValueHeads ?? shape.keyValueHeadCount
    guard headSize.isMultiple(of: 2) else {
      throw InputError(
        .unsupported, place: "global_head_dim", "found \(headSize), expected an even number")
    }
    guard shape.headCount.isMultiple(of: shape.keyValueHeadCount) else {
      throw InputError(
        .invalidValue, place: place,
        "found \(shape.keyValueHeadCount), expected a divisor of num_attention_heads, which is "
          + "\(shape.headCount)")
    }
    var rotary = RotaryReader(keys)
    (rotary.layerType, rotary.channels) = ("full_attention", headSize)
    (rotary.base, rotary.kind, rotary.fraction) = (1e6, "proportional", 0.25)
    var attention = attention(shape, try rotary.settings())
    if try hasValuesOfKeys {
      attention.arrangement = .valuesOfKeys
      attention.projections.removeLast()
    }
    return attention
  }

  private func attention(_ shape: AttentionShape, _ rotary: RotarySettings) -> SelfAttention {
    var attention = parts.attention(shape, rotary: rotary)
    attention.valueNorm = attention.keyNorm?.withoutWeights
    return attention
  }
}
