import JSONText
import LanguageModels

/// Qwen 3.5, the text model: three blocks of linear attention by the gated delta rule, then one of attention whose answers
/// are gated.
enum Qwen35: Architecture {
  static let modelTypes = ["qwen3_5_text"]
  static let about = FamilyDescription(
    "Qwen 3.5, dense, text",
    "linear attention by the gated delta rule; gated attention in every fourth block")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let hybrid = try QwenHybrid(configuration, keyValueHeadCount: 4)
    let feedForward = Sublayer.Mixer.feedForward(try hybrid.parts.feedForward())
    return try hybrid.model(
      Array(repeating: feedForward, count: hybrid.parts.configuration.blockCount))
  }
}

/// Qwen 3.5 with experts in every block, which are stored in stacks, beside a shared one that has a gate.
enum Qwen35MoE: Architecture {
  static let modelTypes = ["qwen3_5_moe_text"]
  static let about = FamilyDescription(
    "Qwen 3.5 with experts, text",
    "linear attention by the gated delta rule; experts; a shared expert with a gate")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let hybrid = try QwenHybrid(configuration, keyValueHeadCount: 2)
    var reader = ExpertsReader(hybrid.parts)
    (reader.count, reader.perToken, reader.width) = (256, 8, 512)
    reader.normalization = 0
    reader.stacks = ExpertStacks(
      inputs: "mlp.experts.gate_up_proj", output: "mlp.experts.down_proj")
    try reader.readGatedShared("shared_expert_intermediate_size", default: 512)
    let experts = Sublayer.Mixer.experts(try reader.experts())
    return try hybrid.model(
      Array(repeating: experts, count: hybrid.parts.configuration.blockCount))
  }
}

/// Qwen 3 Next: as Qwen 3.5 with experts, but the projections of linear attention are two, in which heads take turns.
enum Qwen3Next: Architecture {
  static let modelTypes = ["qwen3_next"]
  static let about = FamilyDescription(
    "Qwen 3 Next", "linear attention by the gated delta rule; experts; a shared expert with a gate")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    var hybrid = try QwenHybrid(configuration, keyValueHeadCount: 2)
    hybrid.arrangement = .groups
    var reader = ExpertsReader(hybrid.parts)
    (reader.count, reader.perToken, reader.width) = (512, 10, 512)
    reader.normalization = try configuration.bool("norm_topk_prob", default: true) ? 0 : nil
    try reader.readGatedShared("shared_expert_intermediate_size", default: 512)
    return try hybrid.model(Qwen3MoE.secondParts(hybrid.parts, reader))
  }
}
