import Compute

extension ResidualBlock {
  /// A block whose modules are called as Llama's are.
  ///
  /// - Parameters:
  ///   - width: Columns of the hidden states.
  ///   - hasInputBias: Whether query, key and value projections have a bias.
  ///   - hasHeadNorm: Whether each head of queries and keys is normed.
  init(
    width: Int, intermediateSize: Int, attention shape: AttentionShape, normEpsilon: Float,
    rotary: RotarySettings, hasInputBias: Bool, hasOutputBias: Bool, hasHeadNorm: Bool,
    hasMLPBias: Bool
  ) {
    func norm(_ name: String, _ columns: Int) -> NormSlot {
      NormSlot(name, columns: columns, epsilon: normEpsilon)
    }
    func layer(_ name: String, _ outputs: Int, _ inputs: Int, _ hasBias: Bool) -> LayerSlot {
      LayerSlot(name, outputs: outputs, inputs: inputs, hasBias: hasBias)
    }
    func headNorm(_ name: String) -> NormSlot? {
      hasHeadNorm ? norm(name, shape.headSize) : nil
    }
    let queries = shape.headCount * shape.headSize
    let keys = shape.keyValueHeadCount * shape.headSize
    self.init(
      attentionNorm: norm("input_layernorm", width),
      attention: SelfAttention(
        module: "self_attn",
        query: layer("self_attn.q_proj", queries, width, hasInputBias),
        key: layer("self_attn.k_proj", keys, width, hasInputBias),
        value: layer("self_attn.v_proj", keys, width, hasInputBias),
        output: layer("self_attn.o_proj", width, queries, hasOutputBias),
        queryNorm: headNorm("self_attn.q_norm"), keyNorm: headNorm("self_attn.k_norm"),
        rotary: rotary, shape: shape),
      mlpNorm: norm("post_attention_layernorm", width),
      mlp: GatedMLP(
        gate: layer("mlp.gate_proj", intermediateSize, width, hasMLPBias),
        up: layer("mlp.up_proj", intermediateSize, width, hasMLPBias),
        down: layer("mlp.down_proj", width, intermediateSize, hasMLPBias)))
  }
}
