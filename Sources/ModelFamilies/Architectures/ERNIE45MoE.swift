import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// ERNIE 4.5 with experts: neighbours rotated, a correction of the choice, and shared experts as one.
enum ERNIE45MoE: Architecture {
  static let modelTypes = ["ernie4_5_moe"]
  static let about = FamilyDescription(
    "ERNIE 4.5 with experts", "experts chosen by softmax and a correction; shared experts")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(keyValueHeadCount: 4, positionLimit: 131_072, epsilon: 1e-5, isTied: true))
    guard try !configuration.bool("use_bias", default: false) else {
      throw InputError(
        .unsupported, place: "use_bias", "found true; experts with biases are not supported")
    }
    let parts = DecoderParts(keys)
    var rotary = RotaryReader(keys)
    (rotary.base, rotary.pairing) = (5e5, .neighbours)
    let attention = parts.attention(keys.attentionShape(), rotary: try rotary.settings())
    var experts = ExpertsReader(parts)
    experts.countKeys = ["moe_num_experts", "num_experts", "num_local_experts"]
    experts.perTokenKey = "moe_k"
    (experts.count, experts.perToken, experts.width) = (64, 6, 1536)
    (experts.normalization, experts.logits) = (1e-12, .float32)
    experts.correction = ("mlp.moe_statics.e_score_correction_bias", [1])
    try experts.readShared("moe_num_shared_experts", default: 2)
    let isSparse = try sparseBlocks(keys)
    var sparse = try experts.experts()
    sparse.router.type = .float32
    let second = try parts.secondParts(isDense: isSparse.map { !$0 }) { sparse }
    return parts.model(second.map { parts.block(.attention(attention), $0) })
  }

  /// Every n-th block between a first and a last one.
  private static func sparseBlocks(_ keys: DecoderConfiguration) throws -> [Bool] {
    let reader = keys.reader
    let interval = try reader.optional("moe_layer_interval")?.int(in: 1...10_000) ?? 1
    let first = try reader.optional("moe_layer_start_index")?.int(in: 0...10_000) ?? 1
    let last = try reader.optional("moe_layer_end_index")?.int(in: -1...10_000) ?? -1
    let end = last < 0 ? keys.blockCount - 1 : last
    return (0..<keys.blockCount).map {
      ($0 + 1).isMultiple(of: interval) && first <= $0 && $0 <= end
    }
  }
}
