import JSONText
import LanguageModels
import Recordings

extension ExpertsReader {
  /// What a family means by absent keys.
  struct DeepSeekDefaults {
    var count: Int
    var perToken: Int
    var width: Int
    /// Factor on the weights.
    var factor: Double
    var groups = (count: 1, kept: 1)
  }

  /// The experts of DeepSeek-V3 and of families that took them over: chosen by sigmoid and a correction, within groups,
  /// beside shared ones.
  static func ofDeepSeek(_ parts: DecoderParts, _ defaults: DeepSeekDefaults) throws -> Self {
    let configuration = parts.configuration.reader
    var experts = ExpertsReader(parts)
    experts.countKeys = ["n_routed_experts", "num_experts", "num_local_experts"]
    (experts.count, experts.perToken, experts.width) = (
      defaults.count, defaults.perToken, defaults.width
    )
    (experts.score, experts.logits) = (.sigmoid, .float32)
    experts.normalization = try configuration.bool("norm_topk_prob", default: true) ? 1e-20 : nil
    experts.factor = try configuration.float(
      "routed_scaling_factor", default: defaults.factor)
    experts.correction = ("mlp.gate.e_score_correction_bias", [])
    experts.groups = ("n_group", "topk_group")
    experts.groupDefaults = defaults.groups
    try experts.readShared("n_shared_experts", default: 1)
    return experts
  }
}
