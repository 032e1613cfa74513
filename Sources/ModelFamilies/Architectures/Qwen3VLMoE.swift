import JSONText
import LanguageModels

/// The text model of Qwen 3 VL with experts, which are stored in stacks: with a row for each input as published, with one
/// for each output as transformers 5 writes them. Shapes tell which; where they cannot, the file is taken for a published one.
enum Qwen3VLMoE: Architecture {
  static let modelTypes = ["qwen3_vl_moe_text"]
  static let about = FamilyDescription("Qwen 3 VL with experts, text", "experts; norms of heads")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    try describe(configuration, shapes: [:])
  }

  static func describe(
    _ configuration: JSONReader, shapes: [String: [Int]]
  ) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration, .init(keyValueHeadCount: 16, positionLimit: 128_000))
    var parts = DecoderParts(keys)
    try parts.readBiases()
    parts.hasHeadNorms = true
    var rotary = RotaryReader(keys)
    rotary.base = 5e5
    var reader = ExpertsReader(parts)
    (reader.count, reader.perToken, reader.width) = (60, 4, 1408)
    reader.normalization = 0
    reader.stacks = ExpertStacks(
      inputs: "mlp.experts.gate_up_proj", output: "mlp.experts.down_proj", isTransposed: true)
    reader.stacks?.find(in: shapes)
    return try Qwen3MoE.model(
      parts, reader, rotary: rotary.settings(),
      windows: Array(repeating: nil, count: keys.blockCount))
  }
}
