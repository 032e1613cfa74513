import JSONText

/// The sizes of a decoder block of a known model.
struct BlockShape {
  var name: String
  /// Which architecture builds it: `qwen3` has norms of the heads, `llama` has none, and `qwen3_5_text` has a scan in
  /// place of attention, with as many heads of all kinds.
  var modelType = "llama"
  var hidden: Int
  var intermediate: Int
  var heads: Int
  var keyValueHeads: Int
  var headSize: Int

  static let example = BlockShape(
    name: "example", hidden: 256, intermediate: 768, heads: 4, keyValueHeads: 2, headSize: 64)
  static let qwen3 = BlockShape(
    name: "qwen3-0.6b", modelType: "qwen3", hidden: 1024, intermediate: 3072, heads: 16,
    keyValueHeads: 8, headSize: 128)
  static let qwen35 = BlockShape(
    name: "qwen3.5-0.8b", modelType: "qwen3_5_text", hidden: 1024, intermediate: 3584, heads: 16,
    keyValueHeads: 16, headSize: 128)
  static let llama1B = BlockShape(
    name: "llama-3.2-1b", hidden: 2048, intermediate: 8192, heads: 32, keyValueHeads: 8,
    headSize: 64)
  static let llama8B = BlockShape(
    name: "llama-3-8b", hidden: 4096, intermediate: 14336, heads: 32, keyValueHeads: 8,
    headSize: 128)

  /// The `config.json` of a model of one such block.
  var configuration: JSONValue {
    [
      "model_type": .string(modelType), "vocab_size": 256, "hidden_size": JSONValue(hidden),
      "intermediate_size": JSONValue(intermediate), "num_hidden_layers": 1,
      "num_attention_heads": JSONValue(heads),
      "num_key_value_heads": JSONValue(keyValueHeads), "head_dim": JSONValue(headSize),
      "linear_num_key_heads": JSONValue(keyValueHeads), "linear_num_value_heads": JSONValue(heads),
      "linear_key_head_dim": JSONValue(headSize), "linear_value_head_dim": JSONValue(headSize),
    ]
  }

  private var hasScan: Bool { modelType == "qwen3_5_text" }

  /// Weights of the query, key and value projections, and of those to the gates and numbers of a scan.
  private var firstWeights: Int {
    hidden * headSize * (heads + 2 * keyValueHeads)
      + (hasScan ? hidden * heads * (headSize + 2) : 0)
  }

  /// Weights of all linear layers.
  var weights: Int { firstWeights + hidden * headSize * heads + 3 * hidden * intermediate }

  /// Operations of a tuning step in linear layers: three products for each, less the gradients to the inputs
  /// of q, k and v, which nobody needs.
  func linearOperations(tokens: Int) -> Double {
    2 * Double(tokens) * Double(3 * weights - firstWeights)
  }

  /// Operations of a tuning step in attention: two products forward and four backward on the lower triangle.
  /// That the backward pass computes the scores again is our way of doing it and does not count.
  ///
  /// In a scan, token by token: three products of a head's state forward, for the correction, the state and the
  /// result, and seven backward. That chunks of tokens take more is our way of doing it.
  func attentionOperations(sequences: Int, tokens: Int) -> Double {
    if hasScan { return 10 * 2 * Double(sequences * tokens * heads * headSize * headSize) }
    let pairs = Double(tokens) * Double(tokens + 1) / 2
    return 6 * 2 * Double(sequences * heads * headSize) * pairs
  }
}
