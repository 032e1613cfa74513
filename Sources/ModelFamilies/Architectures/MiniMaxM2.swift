import JSONText
import LanguageModels
import Recordings

/// MiniMax M2: experts in every block, chosen by sigmoids and a correction; norms of all queries and all keys of a token
/// together.
enum MiniMaxM2: Architecture {
  static let modelTypes = ["minimax_m2"]
  static let about = FamilyDescription(
    "MiniMax M2",
    "experts chosen by sigmoid and a correction; norms of all queries and keys of a token")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 8, headSize: 128, positionLimit: 196_608))
    let parts = DecoderParts(keys)
    var rotary = RotaryReader(keys)
    rotary.base = 5e6
    if let channels = try configuration.optional("rotary_dim")?.int(in: 2...keys.headSize) {
      rotary.fraction = Double(channels) / Double(keys.headSize)
    }
    var experts = ExpertsReader(parts)
    experts.module = "block_sparse_moe"
    experts.names = ("w1", "w3", "w2")
    experts.countKeys = ["num_local_experts", "num_experts"]
    (experts.count, experts.perToken) = (256, 8)
    experts.widthKey = "intermediate_size"
    (experts.score, experts.normalization) = (.sigmoid, 1e-20)
    experts.correction = ("block_sparse_moe.e_score_correction_bias", [])
    let attention = parts.withWholeNorms(
      parts.attention(keys.attentionShape(), rotary: try rotary.settings()))
    return parts.model(of: parts.block(.attention(attention), .experts(try experts.experts())))
  }
}
