import Compute
import Diagnostics
import JSONText

/// What the configurations of Llama-like families have in common, and where they differ.
struct PreNormConfiguration {
  var keyValueHeadCount: Int? = nil
  var headSize: Int? = nil
  var positionLimit: Int
  /// Whether query, key and value projections have a bias; nil: `attention_bias` says so.
  var attentionInputBias: Bool? = nil
  /// Whether the output projection has a bias; nil: `attention_bias` says so.
  var attentionOutputBias: Bool? = nil
  /// Whether each head of queries and keys is normed.
  var hasHeadNorm = false
  /// Whether `mlp_bias` is honoured.
  var allowsMLPBias = false

  /// Reads a configuration. The properties are the family's defaults for absent keys.
  ///
  /// - Parameter window: The sliding window of each block, given the number of blocks.
  func describe(_ configuration: JSONReader, window: (Int) throws -> [Int?]) throws
    -> ModelDescription
  {
    func size(_ key: String) throws -> Int {
      try configuration.required(key).int(in: 1...1 << 24)
    }
    let hiddenSize = try size("hidden_size")
    let blockCount = try configuration.required("num_hidden_layers").int(in: 1...10_000)
    let headCount = try size("num_attention_heads")
    let keyValueHeadCount =
      try configuration.value["num_key_value_heads"].map {
        $0.isNull ? headCount : try size("num_key_value_heads")
      } ?? self.keyValueHeadCount ?? headCount
    guard headCount % keyValueHeadCount == 0 else {
      throw InputError(
        .invalidValue, place: "num_key_value_heads",
        "found \(keyValueHeadCount), expected a divisor of num_attention_heads, which is \(headCount)"
      )
    }
    let headSize = try headSize(configuration, hiddenSize: hiddenSize, headCount: headCount)
    let activation = try configuration.optional("hidden_act")?.string() ?? "silu"
    guard activation == "silu" || activation == "swish" else {
      throw InputError(
        .unsupported, place: "hidden_act",
        "the activation \(quoted(activation)) is not supported; supported is silu")
    }
    let positionLimit =
      try configuration.optional("max_position_embeddings")?.int(in: 1...1 << 30)
      ?? self.positionLimit
    let epsilon = Float(try configuration.optional("rms_norm_eps")?.positive() ?? 1e-6)
    let bias = try configuration.optional("attention_bias")?.bool() ?? false
    let windows = try window(blockCount)
    let rotary = try RotarySettings(
      configuration, headSize: headSize, defaultBase: 10_000, positionLimit: positionLimit)
    let mlpBias = allowsMLPBias ? try configuration.optional("mlp_bias")?.bool() ?? false : false

    let front = ModelFront(
      name: "model.embed_tokens", vocabularySize: try size("vocab_size"), width: hiddenSize)
    let isTied = try configuration.optional("tie_word_embeddings")?.bool() ?? false
    let end = ModelEnd(
      norm: NormSlot("model.norm", columns: hiddenSize, epsilon: epsilon),
      head: LayerSlot("lm_head", outputs: front.vocabularySize, inputs: hiddenSize),
      tiedTable: isTied ? front.table : nil)
    let intermediateSize = try size("intermediate_size")
    let blocks = windows.enumerated().map { index, window in
      PlacedBlock(
        name: "model.layers.\(index)",
        block: ResidualBlock(
          width: hiddenSize, intermediateSize: intermediateSize,
          attention: AttentionShape(
            headCount: headCount, keyValueHeadCount: keyValueHeadCount, headSize: headSize,
            scale: 1 / Float(headSize).squareRoot(), window: window),
          normEpsilon: epsilon, rotary: rotary, hasInputBias: attentionInputBias ?? bias,
          hasOutputBias: attentionOutputBias ?? bias, hasHeadNorm: hasHeadNorm,
          hasMLPBias: mlpBias))
    }
    return ModelDescription(
      front: front, blocks: blocks, end: end, positionLimit: positionLimit)
  }

  private func headSize(_ configuration: JSONReader, hiddenSize: Int, headCount: Int) throws -> Int
  {
    let size: Int
    if let reader = try configuration.optional("head_dim") {
      size = try reader.int(in: 2...1024)
    } else if let headSize, configuration.value["head_dim"] == nil {
      size = headSize
    } else {
      guard hiddenSize % headCount == 0 else {
        throw InputError(
          .invalidValue, place: "num_attention_heads",
          "found \(headCount), expected a divisor of hidden_size, which is \(hiddenSize), as there is no head_dim"
        )
      }
      size = hiddenSize / headCount
    }
    guard size % 2 == 0, size <= 1024 else {
      throw InputError(
        .unsupported, place: "head_dim", "found \(size), expected an even number up to 1024")
    }
    return size
  }
}
