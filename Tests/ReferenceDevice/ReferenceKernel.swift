import Compute
import Recordings

/// Any operation, computed anew on a tape in each pass.
struct ReferenceKernel: Kernel {
  let step: Step

  func forward(in program: Program) {
    if case .keySelection(let selection) = step.node.operation {
      return choose(selection, in: program)
    }
    let inputs = step.inputs.map { Tape.Node(matrix($0, in: program)) }
    let result = record(inputs, weights(in: program), on: Tape(), in: program)
    store(
      result.value, in: program[range: step.result], stride: result.value.columns,
      type(of: step.result))
    observe(inputs[0].value, in: program)
  }

  func backward(in program: Program) {
    let tape = Tape()
    let inputs = step.inputs.map { Tape.Node(matrix($0, in: program)) }
    let weights = weights(in: program)
    let result = record(inputs, weights, on: tape, in: program)
    let dy = load(
      program[gradientOf: step.result], rows: step.rows, columns: result.value.columns,
      stride: result.value.columns, type(of: step.result))
    tape.backward(from: result, gradient: dy)
    for (index, input) in inputs.enumerated() {
      guard let target = program.gradientTarget(index, of: step) else { continue }
      var gradient = input.gradient
      let type = type(of: step.inputs[index].value)
      if target.accumulates {
        gradient += load(
          target.range, rows: gradient.rows, columns: gradient.columns, stride: target.rowStride,
          type)
      }
      store(gradient, in: target.range, stride: target.rowStride, type)
    }
    for (parameter, weight) in zip(step.parameters, weights)
    where step.trains(parameter) && hasGradient(parameter) {
      let range = program.backwardScratch(of: step)
      weight.gradient.elements.map { Float($0) }.withUnsafeBytes { range.upload($0) }
      program.deliver(range, of: parameter)
    }
  }

  /// A global scale stays as calibrated, and what decides about a choice as it is.
  private func hasGradient(_ parameter: Parameter) -> Bool {
    switch step.node.operation {
    case .routing, .scaling(isConstant: true): return false
    default: break
    }
    if case .quantization(let quantization) = step.node.operation { return quantization.isStatic }
    return true
  }

  // MARK: Operations

  private func record(
    _ inputs: [Tape.Node], _ weights: [Tape.Node], on tape: Tape, in program: Program
  ) -> Tape.Node {
    let tokens = step.recording.tokens
    switch step.node.operation {
    case .addition: return tape.add(inputs[0], inputs[1])
    case .attention(let shape):
      guard let sequence = program.sequence, let state = step.node.state else {
        return tape.attention(
          inputs[0], inputs[1], inputs[2], shape: shape, sinks: weights.first, tokens: tokens,
          chosen: chosen(in: program))
      }
      let all = kept(inputs, in: sequence[state], after: sequence.tokenCount)
      return tape.attention(
        inputs[0], all.keys, all.values, shape: shape, sinks: weights.first, tokens: tokens,
        before: sequence.tokenCount, chosen: chosen(in: program))
    case .combination:
      let isWeighted = inputs.count > 1
      let weights = isWeighted ? inputs[1] : Tape.Node(numbers(of: step.node.reads[1], in: program))
      return tape.combined(inputs[0], weights, plan(in: program), isWeighted: isWeighted)
    case .dispatch:
      return tape.dispatch(
        inputs[0], plan(in: program), weights: inputs.count > 1 ? inputs[1] : nil)
    case .convolution(let convolution):
      return tape.convolution(
        inputs[0], convolution, weight: weights[0], bias: weights.count > 1 ? weights[1] : nil,
        tokens: tokens, history: lastRows(inputs[0].value, in: program))
    case .gate(let function):
      return tape.gate(function, inputs[0], inputs.count > 1 ? inputs[1] : nil)
    case .groupedLinear:
      return tape.groupedLinear(
        inputs[0], weight: weights[0], bias: weights.count > 1 ? weights[1] : nil,
        experts: weights[0].value.rows / step.columns(of: step.result),
        plan(in: program))
    case .juxtaposition: return tape.juxtaposed(inputs)
    case .keySelection: preconditionFailure("nothing is recorded for a choice")
    case .linear:
      return tape.linear(
        inputs[0], weight: weights[0], bias: weights.count > 1 ? weights[1] : nil)
    case .norm(let kind):
      return tape.norm(
        inputs[0], kind, weight: weights.first, bias: weights.count > 1 ? weights[1] : nil)
    case .quantization(let quantization):
      guard program.activations == .quantized else { return tape.juxtaposed(inputs) }
      return tape.quantized(
        inputs[0], quantization, scale: weights.first, compute: step.compute)
    case .rotary(let embedding):
      let kind = embedding.epsilon.map {
        Normalization(groupSize: embedding.headSize, epsilon: $0)
      }
      let normed = kind.map { tape.norm(inputs[0], $0, weight: weights[0]) }
      return tape.rotary(
        normed ?? inputs[0], embedding, tokens: tokens, offset: program.positionOffset)
    case .routing(let router):
      let (result, chosen) = tape.routing(
        inputs[0], router, bias: weights.first, isPresent: program.isPresent)
      RoutingPlan(chosen, perToken: router.perToken)
        .store(in: program[range: step.node.outputs[1]])
      return result
    case .scaling: return tape.scaling(inputs[0], weight: weights[0])
    case .scan(let scan):
      var states = states(of: scan, in: program)
      let y = tape.scan(inputs, weights, scan, tokens: tokens, states: &states)
      keep(states, in: program)
      return y
    }
  }

  private func plan(in program: Program) -> RoutingPlan { program.plan(step.node.reads[0]) }

  private func observe(_ x: Matrix, in program: Program) {
    guard case .quantization = step.node.operation, program.activations == .observed,
      let scale = step.parameters.first
    else { return }
    for rows in program.rowsOfSamples(step.inputs[0].value) {
      let numbers = x.elements[rows.lowerBound * x.columns..<rows.upperBound * x.columns].map {
        Float($0)
      }
      let bad = numbers.first(where: \.isNaN)
      program.observed[scale, default: []].append(
        (bad ?? min(numbers.min() ?? 0, 0), bad ?? max(numbers.max() ?? 0, 0)))
    }
  }

  // MARK: Memory

  private func weights(in program: Program) -> [Tape.Node] {
    step.parameters.map { parameter in
      let info = step.recording.parameters[parameter.index]
      return Tape.Node(
        load(
          program[range: parameter], rows: info.rows, columns: info.columns, stride: info.columns,
          step.recording.type(of: info)))
    }
  }

  private func matrix(_ operand: Operand, in program: Program) -> Matrix {
    load(
      program[range: operand], rows: step.recording.rows(of: operand.value),
      columns: operand.columns,
      stride: step.columns(of: operand.value), type(of: operand.value))
  }

  private func numbers(of value: Value, in program: Program) -> Matrix {
    let columns = step.columns(of: value)
    return load(
      program[range: value], rows: step.recording.rows(of: value), columns: columns,
      stride: columns, type(of: value))
  }

  private func type(of value: Value) -> ComputeType { step.recording.type(of: value) }

  func load(
    _ range: DeviceRange, rows: Int, columns: Int, stride: Int, _ type: ComputeType
  ) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    for row in 0..<rows {
      let numbers = (range + row * stride * type.byteCount).numbers(columns, type)
      for (column, number) in numbers.enumerated() { matrix[row, column] = Double(number) }
    }
    return matrix
  }

  func store(_ matrix: Matrix, in range: DeviceRange, stride: Int, _ type: ComputeType) {
    let columns = matrix.columns
    for row in 0..<matrix.rows {
      let numbers = matrix.elements[row * columns..<(row + 1) * columns].map { Float($0) }
      (range + row * stride * type.byteCount).write(numbers, type)
    }
  }
}
