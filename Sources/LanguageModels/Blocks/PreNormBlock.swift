package import Compute

/// The block of Llama and its relatives:
///
///     x = x + attention(norm(x));  x = x + mlp(norm(x))
///
/// with rotary embeddings, grouped query heads and a gated MLP. Query, key and value projections run as
/// one product, and so do gate and up projection, because they read the same input.
package struct PreNormBlock: DecoderBlock {
  package var hiddenSize: Int
  package var intermediateSize: Int
  package var attention: AttentionShape
  package var normEpsilon: Float
  package var rotary: RotarySettings
  package var hasInputBias: Bool
  package var hasOutputBias: Bool
  package var hasHeadNorm: Bool
  package var hasMLPBias: Bool
  package var inputQuantization: [String: InputQuantization] = [:]
  package var keyValueQuantization: ActivationQuantization?

  private static let attentionInputs = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
  private static let gatedInputs = ["mlp.gate_proj", "mlp.up_proj"]

  package var attentionModules: [String] { ["self_attn"] }

  package var layersOfOneInput: [[String]] {
    [Self.attentionInputs, ["self_attn.o_proj"], Self.gatedInputs, ["mlp.down_proj"]]
  }

  private var queryColumns: Int { attention.headCount * attention.headSize }
  package var keyValueColumns: Int { attention.keyValueHeadCount * attention.headSize }

  package var linearLayers: [LinearLayer] {
    [
      LinearLayer(name: "self_attn.q_proj", outputs: queryColumns, inputs: hiddenSize),
      LinearLayer(name: "self_attn.k_proj", outputs: keyValueColumns, inputs: hiddenSize),
      LinearLayer(name: "self_attn.v_proj", outputs: keyValueColumns, inputs: hiddenSize),
      LinearLayer(name: "self_attn.o_proj", outputs: hiddenSize, inputs: queryColumns),
      LinearLayer(name: "mlp.gate_proj", outputs: intermediateSize, inputs: hiddenSize),
      LinearLayer(name: "mlp.up_proj", outputs: intermediateSize, inputs: hiddenSize),
      LinearLayer(name: "mlp.down_proj", outputs: hiddenSize, inputs: intermediateSize),
    ]
  }

  package func record(in recorder: inout ProgramRecorder, input: Value) -> Value {
    let attended = recordAttention(in: &recorder, norm("input_layernorm", of: input, in: &recorder))
    let middle = recorder.add(input, attended)
    let gated = recorder.siluGate(
      linear(
        Self.gatedInputs, bias: hasMLPBias,
        norm("post_attention_layernorm", of: middle, in: &recorder), in: &recorder))
    let transformed = linear(["mlp.down_proj"], bias: hasMLPBias, gated, in: &recorder)
    return recorder.add(middle, transformed)
  }

  private func recordAttention(in recorder: inout ProgramRecorder, _ x: Value) -> Value {
    let projected = linear(Self.attentionInputs, bias: hasInputBias, x, in: &recorder)
    let table = rotary.table(positions: recorder.positions)
    let keysEnd = queryColumns + keyValueColumns
    let query = recorder.rotary(
      recorder.operand(projected, columns: 0..<queryColumns), headSize: attention.headSize,
      norm: headNorm("self_attn.q_norm", in: &recorder), table: table)
    let key = recorder.rotary(
      recorder.operand(projected, columns: queryColumns..<keysEnd), headSize: attention.headSize,
      norm: headNorm("self_attn.k_norm", in: &recorder), table: table)
    let value = recorder.operand(projected, columns: keysEnd..<keysEnd + keyValueColumns)
    let mixed = recorder.attention(
      query: recorder.operand(query),
      key: cached(recorder.operand(key), scale: "self_attn.k_scale", in: &recorder),
      value: cached(value, scale: "self_attn.v_scale", in: &recorder), shape: attention)
    return linear(["self_attn.o_proj"], bias: hasOutputBias, mixed, in: &recorder)
  }

  /// Keys or values as the cache holds them.
  private func cached(
    _ x: Operand, scale: String, in recorder: inout ProgramRecorder
  ) -> Operand {
    guard let keyValueQuantization else { return x }
    let quantized = recorder.quantizedActivations(x, keyValueQuantization, scaleName: scale)
    return recorder.operand(quantized)
  }

  /// The outputs of the named layers, which all read `x`, side by side.
  private func linear(
    _ names: [String], bias: Bool, _ x: Value, in recorder: inout ProgramRecorder
  ) -> Value {
    // Neighbours that read the same numbers run as one product.
    var runs: [(layers: [String], input: InputQuantization?)] = []
    for name in names {
      let input = inputQuantization[name]
      if let last = runs.indices.last, runs[last].input == input {
        runs[last].layers.append(name)
      } else {
        runs.append(([name], input))
      }
    }
    var quantized: [InputQuantization: Value] = [:]
    let outputs = runs.map { run in
      var input = x
      if let quantization = run.input {
        input =
          quantized[quantization]
          ?? recorder.quantizedActivations(
            recorder.operand(x), quantization.quantization, scaleName: quantization.scaleName)
        quantized[quantization] = input
      }
      return product(run.layers, bias: bias, input, in: &recorder)
    }
    return outputs.count == 1 ? outputs[0] : recorder.juxtaposed(outputs)
  }

  /// One product with the matrices of the named layers.
  private func product(
    _ names: [String], bias: Bool, _ x: Value, in recorder: inout ProgramRecorder
  ) -> Value {
    let layers = names.compactMap { name in linearLayers.first { $0.name == name } }
    let weight = recorder.matrix(
      layers.map { ParameterPart(name: "\($0.name).weight", rows: $0.outputs) },
      columns: layers[0].inputs)
    let bias =
      bias
      ? recorder.vector(layers.map { ParameterPart(name: "\($0.name).bias", rows: $0.outputs) })
      : nil
    return recorder.linear(recorder.operand(x), weight: weight, bias: bias)
  }

  private func norm(_ name: String, of x: Value, in recorder: inout ProgramRecorder) -> Value {
    let weight = recorder.vector([ParameterPart(name: "\(name).weight", rows: hiddenSize)])
    return recorder.rmsNorm(x, weight: weight, epsilon: normEpsilon)
  }

  private func headNorm(
    _ name: String, in recorder: inout ProgramRecorder
  ) -> (weight: Parameter, epsilon: Float)? {
    guard hasHeadNorm else { return nil }
    let weight = recorder.vector([ParameterPart(name: "\(name).weight", rows: attention.headSize)])
    return (weight, normEpsilon)
  }
}
