import JSONText
import LanguageModels
import Recordings

/// Granite 3 with experts in every block, which are stored in stacks.
enum GraniteMoE: Architecture {
  static let modelTypes = ["granitemoe"]
  static let about = FamilyDescription(
    "Granite 3 with experts", "experts; factors on embedding, residuals, scores and logits")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(configuration)
    var parts = DecoderParts(keys)
    try parts.readBiases()
    let attention = parts.attention(
      keys.attentionShape(
        scale: try configuration.float("attention_multiplier", default: 1)),
      rotary: try RotaryReader(keys).settings())
    let block = parts.block(
      .attention(attention), .experts(try experts(parts).experts()),
      factor: try configuration.float("residual_multiplier", default: 1))
    return try Granite.scaled(parts.model(of: block), configuration)
  }

  static func experts(_ parts: DecoderParts) -> ExpertsReader {
    var reader = ExpertsReader(parts)
    reader.module = "block_sparse_moe"
    reader.router = "router.layer"
    reader.names = ("w1", "w3", "w2")
    reader.countKeys = ["num_local_experts"]
    reader.widthKey = "intermediate_size"
    reader.score = .softmaxOfChosen
    reader.stacks = ExpertStacks(
      inputs: "block_sparse_moe.input_linear.weight",
      output: "block_sparse_moe.output_linear.weight")
    return reader
  }
}
