import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// DeepSeek-V2: latent attention, and experts chosen by softmax, within groups that are as good as their best expert.
enum DeepSeekV2: Architecture {
  static let modelTypes = ["deepseek_v2"]
  static let about = FamilyDescription(
    "DeepSeek V2 and its kin", "latent attention; experts chosen by softmax, beside shared ones")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, LatentAttentionReader.configuration(.init(positionLimit: 2048)))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    return try parts.model(
      .latentAttention(try LatentAttentionReader(parts).attention()), try experts(parts),
      isDense: configuration.denseBlocks(count: keys.blockCount, first: 0))
  }

  /// Weights are never divided by their sum, whatever `norm_topk_prob` says.
  private static func experts(_ parts: DecoderParts) throws -> ExpertsReader {
    let configuration = parts.configuration.reader
    var experts = ExpertsReader(parts)
    experts.countKeys = ["n_routed_experts", "num_experts", "num_local_experts"]
    experts.count = 64
    experts.perToken = try configuration.required("num_experts_per_tok").int(in: 1...4096)
    (experts.width, experts.logits) = (1407, .float32)
    experts.factor = try configuration.float("routed_scaling_factor", default: 1)
    try experts.readShared("n_shared_experts", default: 2)
    let method = try configuration.optional("topk_method")
    switch try method?.string() ?? "greedy" {
    case "greedy": break
    case "group_limited_greedy":
      experts.groups = ("n_group", "topk_group")
      experts.expertsOfGroupScore = 1
    case let name:
      throw InputError(
        .unsupported, place: method?.path,
        "experts are chosen by \(quoted(name)); expected greedy or group_limited_greedy")
    }
    return experts
  }
}
