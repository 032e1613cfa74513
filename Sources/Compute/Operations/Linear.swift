internal import CKernels

/// `y = x W^T + b`, with one or more matrices of the same width side by side in `W`.
///
/// Gradients: `dx = dy W`, `dW = dy^T x`, `db = sum over rows of dy`, computed as the recording's
/// ``GradientPrecision`` says. The gradient of `W` is delivered in f32 and not kept: whoever takes it
/// consumes it at once.
final class Linear: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  let parameters: [Parameter]
  var savedForBackward: [Value] { [inputs[0].value] }
  let backwardScratch: Int

  private let shape: LinearShape
  private let outputType: ComputeType
  private let precision: GradientPrecision
  private var product: MatrixProduct?
  private var gradients: (any LinearGradients)?

  init(_ x: Operand, weight: Parameter, bias: Parameter?, y: Value, recorder: ProgramRecorder) {
    inputs = [x]
    outputs = [y]
    parameters = [weight] + (bias.map { [$0] } ?? [])
    shape = LinearShape(
      rows: recorder.rows, inputs: x.columns, outputs: recorder.columns(of: y),
      inputStride: recorder.columns(of: x.value), compute: recorder.compute)
    outputType = recorder.values[y.index].type
    precision = recorder.gradientPrecision
    backwardScratch = precision.scratchByteCount(of: shape)
  }

  func prepare(in program: Program) throws {
    product = try program.device.product(
      ProductShape(
        m: shape.rows, n: shape.outputs, k: shape.inputs, transposesB: true,
        rowStrideA: shape.inputStride, input: shape.compute.product, output: outputType.product,
        hasBias: parameters.count > 1))
    guard program.training != .nothing else { return }
    precondition(outputType == shape.compute, "gradients are in the compute type")
    gradients = try precision.gradients(
      of: shape, inputGradient: program.inputGradientMode(0, of: self), device: program.device)
  }

  func forward(in program: Program) {
    let bias = parameters.count > 1 ? program[parameters[1]] : nil
    product!.run(
      program[inputs[0]], program[parameters[0]], program[result],
      bias: bias.map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) })
  }

  func backward(in program: Program) {
    let dy = program.gradient(of: result)
    let (scratch, pass) = (program.backwardScratch, program.backwardPass)
    // The input's gradient comes first: it needs the weight that the taker of dW may change.
    gradients!.begin(dy, pass: pass, scratch: scratch)
    if let target = program.gradientTarget(0) {
      gradients!.inputGradient(
        dy, weight: program[parameters[0]], into: target, pass: pass, scratch: scratch)
    }
    if program.trains(parameters[0]) {
      let dW = gradients!.weightGradient(
        dy, x: program[inputs[0]], pass: pass, scratch: scratch)
      program.deliver(dW, of: parameters[0])
    }
    if parameters.count > 1, program.trains(parameters[1]) {
      let sums = scratch.assumingMemoryBound(to: Float.self)
      sums.update(repeating: 0, count: shape.outputs)
      ck_column_sums(shape.compute.element, dy, sums, shape.outputs, 0, shape.rows)
      program.deliver(sums, of: parameters[1])
    }
  }
}

extension ProgramRecorder {
  /// Records `x W^T + b`. `weight` is `[columns of the result, columns of x]`.
  ///
  /// - Parameter type: The result's, if it is another than the compute type; such a program does not train.
  package mutating func linear(
    _ x: Operand, weight: Parameter, bias: Parameter? = nil, as type: ComputeType? = nil
  ) -> Value {
    precondition(parameters[weight.index].columns == x.columns)
    let y = value(columns: parameters[weight.index].rows, type: type)
    operations.append(Linear(x, weight: weight, bias: bias, y: y, recorder: self))
    return y
  }
}
