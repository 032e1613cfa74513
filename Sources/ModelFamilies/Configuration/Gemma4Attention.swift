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

  /// Those of all blocks, and how many columns the stream carries.
  ///
  /// The last blocks read the keys and values of the last block of their kind before them.
  ///
  /// - Parameter first: Columns that are carried besides.
  func ofBlocks(carriedBefore first: Int) throws -> (blocks: [SelfAttention], carried: Int) {
    let isSliding = try reader.slidingBlocks(count: keys.blockCount, fullEvery: 6)
    let (sliding, full) = (try sliding(), try full())
    var blocks = try isSliding.enumerated().map { index, isSliding in
      try isSliding ? sliding : changed(full, ofBlock: index)
    }
    let shared = try reader.optional("num_kv_shared_layers")?.int(in: 0...keys.blockCount) ?? 0
    let firstShared = keys.blockCount - shared
    var carried = first
    for kind in [true, false] {
      let readers = (firstShared..<keys.blockCount).filter { isSliding[$0] == kind }
      guard !readers.isEmpty else { continue }
      guard let giver = (0..<firstShared).last(where: { isSliding[$0] == kind }) else {
        throw InputError(
          .invalidValue, place: "num_kv_shared_layers",
          "found \(shared); block \(readers[0]) has no block of its kind before it that has keys")
      }
      let count = blocks[giver].shape.keyValueHeadCount * blocks[giver].shape.headSize
      let (keyColumns, valueColumns) = (
        CarriedColumns(first: carried, count: count),
        CarriedColumns(first: carried + count, count: count)
      )
      carried += 2 * count
      for index in [giver] + readers {
        blocks[index].carriedKeys = keyColumns
        blocks[index].carriedValues = valueColumns
      }
      for index in readers { blocks[index] = try reading(blocks[index], of: blocks[giver]) }
    }
    return (blocks, carried)
  }

  /// The attention of a block without keys and values of its own.
  private func reading(_ attention: SelfAttention, of giver: SelfAttention) throws -> SelfAttention
  {
    guard attention.shape == giver.shape else {
      throw InputError(
        .invalidValue, place: "per_layer_config",
        "a block has other heads than the one whose keys it reads")
    }
    var attention = attention
    attention.readsCarried = true
    attention.projections = Array(attention.projections.prefix(1))
    return attention
  }

  private func sliding() throws -> SelfAttention {
    var rotary = RotaryReader(keys).ofSlidingLayers
    (rotary.base, rotary.baseKey) = (1e4, "rope_local_base_freq")
    let window = try reader.window(default: 512)
    return attention(
      keys.attentionShape(scale: 1, visible: .init(window: window)), try rotary.settings())
  }

  private func full() throws -> SelfAttention {
    try full(
      headSize: try reader.optional("global_head_dim")?.int(in: 2...1024) ?? 512,
      keyValueHeads: hasValuesOfKeys
        ? try reader.optional("num_global_key_value_heads")?.int(in: 1...4096) : nil,
      place: "num_global_key_value_heads")
  }

  /// The same with what `per_layer_config` says of a block, where a configuration has that in the place of the keys for
  /// all blocks.
  private func changed(_ full: SelfAttention, ofBlock index: Int) throws -> SelfAttention {
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
