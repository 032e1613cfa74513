import Compute
import Recordings
import ReferenceDevice

// Operations, recorded on both sides.

extension Twin {
  func columns(_ range: Range<Int>, of x: Part) -> Part {
    Part(
      operand: recorder.operand(x.value, columns: range), node: tape.columns(range, of: x.node))
  }

  mutating func linear(
    _ x: Part, _ weight: Weight, bias: Weight? = nil, as type: ComputeType? = nil
  ) -> Part {
    Self.part(
      recorder.linear(x.operand, weight: weight.parameter, bias: bias?.parameter, as: type),
      tape.linear(x.node, weight: weight.node, bias: bias?.node), recorder)
  }

  /// A product with a new square matrix.
  mutating func linear(_ x: Part) -> Part {
    linear(x, matrix(rows: [x.operand.columns], columns: x.operand.columns))
  }

  /// - Parameter isShared: Whether all groups have the same weights; nil: there are none.
  mutating func norm(
    _ x: Part, _ kind: Normalization, isShared: Bool? = true, hasBias: Bool = false
  ) -> Part {
    let weight = isShared.map {
      vector([$0 ? kind.groupSize : x.operand.columns], around: 1)
    }
    let bias = hasBias ? vector([x.operand.columns], around: 0) : nil
    return Self.part(
      recorder.norm(x.operand, kind, weight: weight?.parameter, bias: bias?.parameter),
      tape.norm(x.node, kind, weight: weight?.node, bias: bias?.node), recorder)
  }

  /// The root-mean-square norm of whole rows.
  mutating func norm(_ x: Part, epsilon: Float = 1e-5) -> Part {
    norm(x, Normalization(groupSize: x.operand.columns, epsilon: epsilon))
  }

  mutating func rotary(
    _ x: Part, headSize: Int, angles: Angles, norms: Bool = false, firstChannel: Int = 0,
    pairing: RotaryEmbedding.Pairing = .halves
  ) -> Part {
    let embedding = RotaryEmbedding(
      headSize: headSize, firstChannel: firstChannel, pairing: pairing,
      epsilon: norms ? 1e-5 : nil, table: angles.table(positions: recorder.positions))
    let weight = norms ? vector([headSize], around: 1) : nil
    let normed = weight.map {
      tape.norm(x.node, Normalization(groupSize: headSize, epsilon: 1e-5), weight: $0.node)
    }
    return Self.part(
      recorder.rotary(x.operand, embedding, normWeight: weight?.parameter),
      tape.rotary(
        normed ?? x.node, embedding, tokens: recorder.tokens, offset: 0, angle: angles.angle),
      recorder)
  }

  /// Attention whose queries see keys that others choose.
  mutating func attention(
    _ q: Part, _ k: Part, _ v: Part, shape: AttentionShape, chosenBy index: [Part],
    _ selection: KeySelection
  ) -> Part {
    let choice = recorder.keySelection(
      query: index[0].value, key: index[1].value, weights: index[2].value, selection)
    let chosen = selection.choice(
      query: index[0].node.value, key: index[1].node.value, weights: index[2].node.value,
      tokens: recorder.tokens)
    return Self.part(
      recorder.attention(
        query: q.operand, key: k.operand, value: v.operand, shape: shape, choice: choice),
      tape.attention(
        q.node, k.node, v.node, shape: shape, tokens: recorder.tokens, chosen: chosen), recorder)
  }

  mutating func attention(_ q: Part, _ k: Part, _ v: Part, shape: AttentionShape) -> Part {
    let sinks = shape.hasSinks ? vector([shape.headCount], around: 1) : nil
    return Self.part(
      recorder.attention(
        query: q.operand, key: k.operand, value: v.operand, shape: shape, sinks: sinks?.parameter),
      tape.attention(
        q.node, k.node, v.node, shape: shape, sinks: sinks?.node, tokens: recorder.tokens),
      recorder)
  }

  /// A convolution with new weights.
  mutating func convolution(
    _ x: Part, _ convolution: CausalConvolution, hasBias: Bool
  ) -> Part {
    let weight = vector([x.operand.columns * convolution.taps], around: 0.2)
    let bias = hasBias ? vector([x.operand.columns], around: 0) : nil
    return Self.part(
      recorder.convolution(
        x.operand, convolution, weight: weight.parameter, bias: bias?.parameter),
      tape.convolution(
        x.node, convolution, weight: weight.node, bias: bias?.node, tokens: recorder.tokens),
      recorder)
  }

  /// A scan of queries, keys, values, a, and b with the delta rule; with new weights.
  mutating func scan(_ inputs: [Part], _ scan: Scan, decay: Float = 0) -> Part {
    let weights = [
      vector([scan.valueHeadCount], around: decay), vector([scan.stepCount], around: -0.5),
    ]
    let skip = inputs.count > 4 ? nil : vector([scan.valueHeadCount], around: 1)
    let operands = inputs.map(\.operand)
    var states: [Matrix] = []
    let node = tape.scan(
      inputs.map(\.node), (weights + (skip.map { [$0] } ?? [])).map(\.node), scan,
      tokens: recorder.tokens, states: &states)
    return Self.part(
      recorder.scan(
        ScanInputs(
          query: operands[0], key: operands[1], value: operands[2], step: operands[3],
          rate: operands.count > 4 ? operands[4] : nil),
        ScanWeights(
          decay: weights[0].parameter, bias: weights[1].parameter, skip: skip?.parameter), scan),
      node, recorder)
  }

  mutating func gate(_ function: ElementFunction, _ g: Part, _ u: Part) -> Part {
    Self.part(
      recorder.gate(function, g.operand, u.operand), tape.gate(function, g.node, u.node), recorder)
  }

  mutating func map(_ function: ElementFunction, _ x: Part) -> Part {
    Self.part(recorder.map(function, x.operand), tape.gate(function, x.node), recorder)
  }

  /// Columns times new factors.
  mutating func scaling(_ x: Part, count: Int, isConstant: Bool = false) -> Part {
    let weight = vector([count], around: 1, isConstant: isConstant)
    return Self.part(
      recorder.scaling(x.operand, weight: weight.parameter, isConstant: isConstant),
      tape.scaling(x.node, weight: weight.node), recorder)
  }

  /// Experts between two products, as blocks record them: those of `logits`, or of a product with a router.
  ///
  /// - Parameters:
  ///   - bias: What is added to scores for the choice.
  ///   - hasBiases: Whether experts have them.
  ///   - weighsInputs: Whether weights are factors on what experts read.
  mutating func experts(
    _ x: Part, _ router: Router, size: Int, logits: Part? = nil, bias: Weight? = nil,
    hasBiases: Bool = false, weighsInputs: Bool = false
  ) -> Part {
    let count = router.experts
    func sizes(_ size: Int) -> [Int] { Array(repeating: size, count: count) }
    let z = logits ?? linear(x, matrix(rows: [count], columns: x.operand.columns))
    let up = matrix(rows: sizes(size), columns: x.operand.columns)
    let down = matrix(rows: sizes(x.operand.columns), columns: size)
    let upBias = hasBiases ? vector(sizes(size), around: 0) : nil
    let downBias = hasBiases ? vector(sizes(x.operand.columns), around: 0.5) : nil
    let routing = recorder.routing(z.operand, router, bias: bias?.parameter)
    let (weights, chosen) = tape.routing(z.node, router, bias: bias?.node)
    let plan = RoutingPlan(chosen, perToken: router.perToken)
    let copies = Self.part(
      recorder.dispatch(x.operand, routing, isWeighted: weighsInputs),
      tape.dispatch(x.node, plan, weights: weighsInputs ? weights : nil), recorder)
    let hidden = Self.part(
      recorder.groupedLinear(
        copies.operand, routing, weight: up.parameter, bias: upBias?.parameter),
      tape.groupedLinear(
        copies.node, weight: up.node, bias: upBias?.node, experts: count, plan), recorder)
    let active = map(.silu, hidden)
    let answers = Self.part(
      recorder.groupedLinear(
        active.operand, routing, weight: down.parameter, bias: downBias?.parameter),
      tape.groupedLinear(
        active.node, weight: down.node, bias: downBias?.node, experts: count, plan), recorder)
    return Self.part(
      recorder.combined(answers.value, routing, isWeighted: !weighsInputs),
      tape.combined(answers.node, weights, plan, isWeighted: !weighsInputs), recorder)
  }

  /// Activations as a runtime reads them; a calibrated scale becomes a weight.
  mutating func quantized(
    _ x: Part, _ quantization: ActivationQuantization, scale: Float? = nil
  ) -> Part {
    var weight: Weight?
    if let scale {
      let part = ParameterPart(name: "scale \(weights.count)", rows: 1)
      weight = Weight(
        parameter: recorder.scale(part.name), parts: [part], isMatrix: false, isScale: true,
        node: Tape.Node(Matrix(rows: 1, columns: 1, [scale])))
    }
    if let weight { weights.append(weight) }
    return Self.part(
      recorder.quantizedActivations(x.operand, quantization, scale: weight?.parameter),
      tape.quantized(x.node, quantization, scale: weight?.node, compute: compute), recorder)
  }

  mutating func juxtaposed(_ parts: [Part]) -> Part {
    Self.part(
      recorder.juxtaposed(parts.map(\.operand)), tape.juxtaposed(parts.map(\.node)), recorder)
  }

  mutating func add(_ a: Part, _ b: Part) -> Part {
    Self.part(recorder.add(a.value, b.value), tape.add(a.node, b.node), recorder)
  }
}
