import Diagnostics
package import Recordings

/// Records a block layer by layer, and notes on the way what is asked about blocks: which layers they have,
/// which of these read the same values, where keys and values are, and which tensors are read.
package struct BlockRecorder {
  /// A tensor that the recording reads, in the order of the program's parts.
  package struct Part {
    /// The name of the program's part.
    package var name: String
    package var shape: [Int]
    package var stored: StoredMatrix
  }

  /// Everything recorded so far, and the way to record operations that have no layers.
  package var operations: ProgramRecorder
  /// The linear layers, in the order of the forward pass, each with what it reads.
  private(set) var layers: [(slot: LayerSlot, input: Value)] = []
  /// The number of the expert that layers belong to, by their names, for those that belong to one.
  private(set) var experts: [String: Int] = [:]
  /// The first layer whose inputs are rounded in another way than those of the other experts.
  private(set) var unequalExpert: String?
  private(set) var attentionModules: [String] = []
  private(set) var mixtures: [Mixture] = []
  private(set) var parts: [Part] = []
  /// Carried columns that the block reads, and those that it gives.
  var carriedInputs: [CarriedValue] = []
  var carriedOutputs: [CarriedValue] = []
  private let activations: ActivationPlan
  private var rounded: [RoundedOperand: Operand] = [:]

  private var normed: [NormedOperand: Value] = [:]

  private struct NormedOperand: Hashable {
    var operand: Operand
    var slot: NormSlot
  }

  private struct RoundedOperand: Hashable {
    var operand: Operand
    var rounding: ActivationPlan.Rounding
  }

  /// - Parameter activations: Which activations are quantized, and how.
  init(_ operations: ProgramRecorder, activations: ActivationPlan) {
    self.operations = operations
    self.activations = activations
  }

  // MARK: Layers

  /// Records layers that all read `x`; returns their outputs side by side.
  ///
  /// - Parameter type: That of a single layer's outputs, if it is another than the compute type.
  package mutating func linear(
    _ slots: [LayerSlot], _ x: Value, as type: ComputeType? = nil
  ) -> Value {
    // Neighbours that read the same numbers run as one product.
    var runs: [(slots: [LayerSlot], input: ActivationPlan.Rounding?)] = []
    for slot in slots {
      let input = activations.inputs[slot.name]
      if let last = runs.last, last.input == input, last.slots[0].type == slot.type,
        (last.slots[0].bias == nil) == (slot.bias == nil)
      {
        runs[runs.count - 1].slots.append(slot)
      } else {
        runs.append(([slot], input))
      }
      layers.append((slot, x))
    }
    let outputs = runs.map { run in
      product(run.slots, rounded(operations.operand(x), run.input), as: type)
    }
    return outputs.count == 1
      ? outputs[0] : operations.juxtaposed(outputs.map { operations.operand($0) })
  }

  /// Records layers of experts: for each row of `x` those of its expert, whose outputs are side by side. Where `x` has a
  /// row for each token, experts get copies of them.
  ///
  /// - Parameter slots: For each expert its layers, of the same shapes.
  package mutating func grouped(
    _ slots: [[LayerSlot]], _ x: Value, _ routing: Routing
  ) -> Value {
    for (expert, slots) in slots.enumerated() {
      for slot in slots {
        layers.append((slot, x))
        experts[slot.name] = expert
      }
    }
    let all = slots.flatMap { $0 }
    let rounding = activations.inputs[all[0].name]
    unequalExpert =
      unequalExpert ?? all.first { activations.inputs[$0.name] != rounding }?.name
    // What is rounded is the same for all experts of a token.
    var input = rounded(operations.operand(x), rounding)
    if operations.isOfTokens(x) {
      let copies = operations.dispatch(input, routing)
      input = operations.operand(copies)
    }
    let weights = all.map { part("\($0.name).weight", [$0.outputs, $0.inputs], $0.weight) }
    let weight = operations.matrix(weights, columns: input.columns)
    return operations.groupedLinear(input, routing, weight: weight, bias: bias(of: all))
  }

  /// Notes experts of the block.
  mutating func note(_ mixture: Mixture) { mixtures.append(mixture) }

  /// Records the norm of all columns of `x`.
  package mutating func norm(_ slot: NormSlot, _ x: Value) -> Value {
    norm(slot, operations.operand(x))
  }

  /// Records the norm of `x`, once for all that ask for it.
  package mutating func norm(_ slot: NormSlot, _ x: Operand) -> Value {
    let key = NormedOperand(operand: x, slot: slot)
    if let known = normed[key] { return known }
    let weight = weight(of: slot)
    let bias = slot.bias.map { operations.vector([part($0.tensor, [x.columns], $0)]) }
    let value = operations.norm(x, slot.kind, weight: weight, bias: bias)
    normed[key] = value
    return value
  }

  /// The weight of a norm; nil if it has none.
  package mutating func weight(of slot: NormSlot) -> Parameter? {
    guard !slot.weights.isEmpty else { return nil }
    return operations.vector(
      slot.weights.map { part($0.tensor, [slot.weightSize], $0) })
  }

  /// Records `factor x`, or nothing where the factor is 1.
  package mutating func scaled(_ x: Operand, by factor: Float) -> Operand {
    guard factor != 1 else { return x }
    let y = operations.map(.scaled(factor), x)
    return operations.operand(y)
  }

  /// A vector that is a part of the block but of no layer.
  package mutating func vector(_ stored: StoredMatrix, count: Int) -> Parameter {
    vector(stored, shape: [count])
  }

  /// The same where the checkpoint has another shape for it.
  package mutating func vector(_ stored: StoredMatrix, shape: [Int]) -> Parameter {
    var part = part(stored.tensor, shape, stored)
    part.rows = shape.reduce(1, *)
    return operations.vector([part])
  }

  /// Records a convolution of `x`.
  package mutating func convolution(_ slot: ConvolutionSlot, _ x: Operand) -> Value {
    let taps = slot.kind.taps
    let weight = operations.vector(
      slot.parts.map { part($0.weight.tensor, [$0.columns, 1, taps], $0.weight) })
    let biases = slot.parts.compactMap { own in
      own.bias.map { part($0.tensor, [own.columns], $0) }
    }
    let bias = biases.isEmpty ? nil : operations.vector(biases)
    return operations.convolution(x, slot.kind, weight: weight, bias: bias)
  }

  /// Records the attention of the module called `module` inside the block.
  package mutating func attention(
    _ module: String, query: Operand, key: Operand, value: Operand, shape: AttentionShape,
    sinks: Parameter? = nil, choice: KeyChoice? = nil
  ) -> Value {
    attentionModules.append(module)
    let key = rounded(key, activations.keys[module])
    let value = rounded(value, activations.values[module])
    return operations.attention(
      query: query, key: key, value: value, shape: shape, sinks: sinks, choice: choice)
  }

  // MARK: Parts

  /// One product with the matrices of all layers.
  private mutating func product(
    _ slots: [LayerSlot], _ x: Operand, as type: ComputeType?
  ) -> Value {
    let weights = slots.map { part("\($0.name).weight", [$0.outputs, $0.inputs], $0.weight) }
    let weight = operations.matrix(weights, columns: x.columns, as: slots[0].type)
    return operations.linear(x, weight: weight, bias: bias(of: slots), as: type)
  }

  /// The biases of layers; nil for layers without.
  private mutating func bias(of slots: [LayerSlot]) -> Parameter? {
    let biases = slots.compactMap { slot in
      slot.bias.map { part("\(slot.name).bias", [slot.outputs], $0) }
    }
    return biases.isEmpty ? nil : operations.vector(biases)
  }

  private mutating func part(
    _ name: String, _ shape: [Int], _ stored: StoredMatrix
  ) -> ParameterPart {
    parts.append(Part(name: name, shape: shape, stored: stored))
    // A matrix has rows; what a vector is made of may have any shape.
    let rows = shape.count == 2 ? shape[0] : shape.reduce(1, *)
    return ParameterPart(name: name, rows: rows)
  }

  /// Activations as their readers get them.
  private mutating func rounded(
    _ x: Operand, _ rounding: ActivationPlan.Rounding?
  ) -> Operand {
    guard let rounding else { return x }
    let key = RoundedOperand(operand: x, rounding: rounding)
    if let known = rounded[key] { return known }
    let scale = rounding.scale.map { operations.scale(part($0, [1], StoredMatrix($0)).name) }
    let value = operations.quantizedActivations(x, rounding.quantization, scale: scale)
    rounded[key] = operations.operand(value)
    return operations.operand(value)
  }

  /// Refuses experts whose inputs are rounded in different ways: they read copies of the same numbers.
  func requireEqualExperts() throws(InputError) {
    guard let unequalExpert else { return }
    throw InputError(
      .unsupported, place: unequalExpert,
      "its inputs are quantized otherwise than those of other experts; expected the same for all")
  }
}
