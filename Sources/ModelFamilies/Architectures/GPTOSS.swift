import JSONText
import LanguageModels
import Recordings

/// GPT-OSS: experts with biases and a bounded gate in every block; sinks; a window in every second block.
enum GPTOSS: Architecture {
  static let modelTypes = ["gpt_oss"]
  static let about = FamilyDescription(
    "GPT-OSS", "experts with biases and a bounded gate; sinks; a window in every second block")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(keyValueHeadCount: 8, headSize: 64, positionLimit: 131_072, epsilon: 1e-5))
    var parts = DecoderParts(keys)
    parts.hasInputBias = try configuration.bool("attention_bias", default: true)
    parts.hasOutputBias = parts.hasInputBias
    var rotary = RotaryReader(keys)
    rotary.base = 150_000
    rotary.absent = [
      "rope_type": "yarn", "factor": 32, "original_max_position_embeddings": 4096,
      "truncate": false,
    ]
    let settings = try rotary.settings()
    let window = try configuration.window(default: 128)
    let experts = Sublayer.Mixer.experts(try experts(parts))
    return parts.model(
      try configuration.slidingBlocks(count: keys.blockCount) { $0.isMultiple(of: 2) }.map {
        var shape = keys.attentionShape(visible: .init(window: $0 ? window : nil))
        shape.hasSinks = true
        var attention = parts.attention(shape, rotary: settings)
        attention.sinks = StoredMatrix("self_attn.sinks")
        return parts.block(.attention(attention), experts)
      })
  }

  private static func experts(_ parts: DecoderParts) throws -> Experts {
    var reader = ExpertsReader(parts)
    reader.router = "router"
    reader.hasRouterBias = true
    reader.countKeys = ["num_local_experts", "num_experts"]
    (reader.count, reader.perToken) = (128, 4)
    reader.widthKey = "intermediate_size"
    reader.score = .softmaxOfChosen
    // The bounds are the same in all models, whatever their configurations say of them.
    reader.function = .swish(factor: 1.702, bound: 7)
    reader.upFunction = .clamped(7, plus: 1)
    reader.stacks = ExpertStacks(
      inputs: "mlp.experts.gate_up_proj", output: "mlp.experts.down_proj", isTransposed: true,
      alternates: true, biasSuffix: "_bias")
    return try reader.experts()
  }
}
