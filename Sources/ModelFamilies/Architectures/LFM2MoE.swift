import JSONText
import LanguageModels
import Recordings

/// LFM 2 with experts, chosen by sigmoids and a correction, in all blocks but the first.
enum LFM2MoE: Architecture {
  static let modelTypes = ["lfm2_moe"]
  static let about = FamilyDescription(
    "LFM 2 with experts",
    "gated convolutions over three tokens beside blocks of attention; experts chosen by sigmoid and a correction"
  )

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let parts = try LFM2.parts(configuration)
    let keys = parts.configuration
    var reader = ExpertsReader(parts)
    reader.module = "feed_forward"
    reader.names = ("w1", "w3", "w2")
    (reader.count, reader.perToken, reader.width) = (32, 4, 1792)
    reader.score = .sigmoid
    reader.normalization = try configuration.bool("norm_topk_prob", default: true) ? 1e-6 : nil
    reader.factor = try configuration.float("routed_scaling_factor", default: 1)
    if try configuration.bool("use_expert_bias", default: true) {
      reader.correction = ("feed_forward.expert_bias", [])
    }
    let denseCount = try configuration.optional("num_dense_layers")?.int(in: 0...10_000) ?? 2
    let experts = Sublayer.Mixer.experts(try reader.experts())
    guard denseCount > 0 else {
      return try LFM2.model(parts, Array(repeating: experts, count: keys.blockCount))
    }
    let dense = Sublayer.Mixer.feedForward(
      parts.gatedFeedForward(
        try configuration.size("intermediate_size"), names: LFM2.feedForwardNames))
    return try LFM2.model(
      parts, (0..<keys.blockCount).map { $0 < denseCount ? dense : experts })
  }
}
