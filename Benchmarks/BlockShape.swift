import JSONText
import LanguageModels
import ModelFamilies

/// A decoder block of a known model.
struct BlockShape {
  var name: String
  /// The sizes of its gate or up projection, at which the matrix rate is measured.
  var hidden: Int
  var intermediate: Int
  /// The `config.json` of a model of one such block.
  let configuration: JSONValue

  /// - Parameters:
  ///   - modelType: Which architecture builds it.
  ///   - more: Further keys of the configuration.
  init(
    _ name: String, modelType: String = "llama", hidden: Int, intermediate: Int, heads: Int,
    keyValueHeads: Int, headSize: Int, more: KeyValuePairs<String, JSONValue> = [:]
  ) {
    (self.name, self.hidden, self.intermediate) = (name, hidden, intermediate)
    var configuration: JSONValue = [
      "model_type": .string(modelType), "vocab_size": 256, "hidden_size": JSONValue(hidden),
      "intermediate_size": JSONValue(intermediate), "num_hidden_layers": 1,
      "num_attention_heads": JSONValue(heads),
      "num_key_value_heads": JSONValue(keyValueHeads), "head_dim": JSONValue(headSize),
    ]
    for (key, value) in more { configuration.set(key, value) }
    self.configuration = configuration
  }

  /// The block itself.
  var block: any DecoderBlock {
    get throws { try Architectures.describe(JSONReader(configuration)).blocks[0].block }
  }

  static let example = BlockShape(
    "example", hidden: 256, intermediate: 768, heads: 4, keyValueHeads: 2, headSize: 64)
  static let gemma3 = BlockShape(
    "gemma-3-1b", modelType: "gemma3_text", hidden: 1152, intermediate: 6912, heads: 4,
    keyValueHeads: 1, headSize: 256, more: ["sliding_window": 512])
  static let gptNeoX = BlockShape(
    "pythia-1.4b", modelType: "gpt_neox", hidden: 2048, intermediate: 8192, heads: 16,
    keyValueHeads: 16, headSize: 128)
  static let llama1B = BlockShape(
    "llama-3.2-1b", hidden: 2048, intermediate: 8192, heads: 32, keyValueHeads: 8, headSize: 64)
  static let llama8B = BlockShape(
    "llama-3-8b", hidden: 4096, intermediate: 14336, heads: 32, keyValueHeads: 8, headSize: 128)
  static let qwen3 = BlockShape(
    "qwen3-0.6b", modelType: "qwen3", hidden: 1024, intermediate: 3072, heads: 16,
    keyValueHeads: 8, headSize: 128)
  /// 128 experts, of which a token uses 8.
  static let qwen3MoE = BlockShape(
    "qwen3-30b-a3b", modelType: "qwen3_moe", hidden: 2048, intermediate: 768, heads: 32,
    keyValueHeads: 4, headSize: 128,
    more: ["num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768])
  /// A quarter of its experts, each with as many tokens.
  static let qwen3MoEQuarter = BlockShape(
    "qwen3-moe-quarter", modelType: "qwen3_moe", hidden: 2048, intermediate: 768, heads: 32,
    keyValueHeads: 4, headSize: 128,
    more: ["num_experts": 32, "num_experts_per_tok": 2, "moe_intermediate_size": 768])
  /// A block of linear attention.
  static let qwen35 = BlockShape(
    "qwen3.5-0.8b", modelType: "qwen3_5_text", hidden: 1024, intermediate: 3584, heads: 8,
    keyValueHeads: 2, headSize: 256,
    more: ["linear_num_key_heads": 16, "linear_num_value_heads": 16])
}
