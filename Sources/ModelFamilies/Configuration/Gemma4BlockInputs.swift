import JSONText
import LanguageModels

/// Reads what the front of Gemma 4 makes for each block, and how a block mixes it in.
struct Gemma4BlockInputs {
  private let parts: DecoderParts
  private var keys: DecoderConfiguration { parts.configuration }

  init(_ parts: DecoderParts) { self.parts = parts }

  /// Nil for models without them.
  func inputs() throws -> BlockInputs? {
    let (reader, key) = (keys.reader, "hidden_size_per_layer_input")
    let size =
      reader.value[key] == nil ? 256 : try reader.optional(key)?.int(in: 0...1 << 16) ?? 0
    guard size > 0 else { return nil }
    let vocabularySize =
      try reader.optional("vocab_size_per_layer_input")?.int(in: 1...1 << 24)
      ?? keys.vocabularySize
    let (width, columns) = (keys.hiddenSize, keys.blockCount * size)
    return BlockInputs(
      width: width, blockCount: keys.blockCount,
      norm: NormSlot(
        "model.per_layer_projection_norm", columns: columns, groupSize: size, style: parts.norms,
        epsilon: keys.epsilon),
      projection: LayerSlot("model.per_layer_model_projection", outputs: columns, inputs: width),
      factor: 1 / Float(width).squareRoot(),
      table: StoredMatrix("model.embed_tokens_per_layer.weight"), vocabularySize: vocabularySize,
      tableFactor: Float(size).squareRoot(), sumFactor: Float(0.5).squareRoot())
  }

  func sublayer(_ inputs: BlockInputs) -> Sublayer {
    let (width, input) = (
      keys.hiddenSize, CarriedColumns(first: 0, count: inputs.size, isOfBlock: true)
    )
    return Sublayer(
      mixer: .blockInput(
        BlockInputMixer(
          gate: LayerSlot("per_layer_input_gate", outputs: input.count, inputs: width),
          function: keys.function,
          projection: LayerSlot("per_layer_projection", outputs: width, inputs: input.count),
          input: input)), outputNorm: parts.norm("post_per_layer_input_norm"))
  }
}
