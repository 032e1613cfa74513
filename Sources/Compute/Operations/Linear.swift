internal import CKernels

/// `y = x W^T + b`, with one or more matrices of the same width side by side in `W`.
///
/// Gradients: `dx = dy W`, `dW = dy^T x`, `db = sum over rows of dy`. The gradient of `W` is delivered in f32
/// and not kept: whoever takes it consumes it at once.
final class Linear: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  let parameters: [Parameter]
  var savedForBackward: [Value] { [inputs[0].value] }
  let backwardScratch: Int

  private let rows: Int
  private let inputColumns: Int
  private let outputColumns: Int
  private var product: MatrixProduct?
  private var inputGradient: MatrixProduct?
  private var weightGradient: MatrixProduct?

  init(_ x: Operand, weight: Parameter, bias: Parameter?, y: Value, recorder: ProgramRecorder) {
    inputs = [x]
    outputs = [y]
    parameters = [weight] + (bias.map { [$0] } ?? [])
    rows = recorder.rows
    inputColumns = x.columns
    outputColumns = recorder.columns(of: y)
    backwardScratch = outputColumns * inputColumns * MemoryLayout<Float>.stride
  }

  func prepare(in program: Program) throws {
    let compute = program.compute
    let stride = program.columns(of: inputs[0].value)
    product = try program.device.product(
      ProductShape(
        m: rows, n: outputColumns, k: inputColumns, transposesB: true, rowStrideA: stride,
        input: compute, output: compute, hasBias: parameters.count > 1))
    guard program.training != .nothing else { return }
    let mode = program.inputGradientMode(0, of: self)
    if mode != .none {
      inputGradient = try program.device.product(
        ProductShape(
          m: rows, n: inputColumns, k: outputColumns, rowStrideC: stride, input: compute,
          output: compute, accumulates: mode == .accumulate))
    }
    weightGradient = try program.device.product(
      ProductShape(
        m: outputColumns, n: inputColumns, k: rows, transposesA: true, rowStrideB: stride,
        input: compute, output: .float32))
  }

  func forward(in program: Program) {
    let bias = parameters.count > 1 ? program[parameters[1]] : nil
    product!.run(
      program[inputs[0]], program[parameters[0]], program[result],
      bias: bias.map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) })
  }

  func backward(in program: Program) {
    let dy = program.gradient(of: result)
    // The input's gradient comes first: it needs the weight that the taker of dW may change.
    if let target = program.gradientTarget(0) {
      inputGradient!.run(dy, program[parameters[0]], target.pointer)
    }
    let scratch = program.backwardScratch.assumingMemoryBound(to: Float.self)
    if program.trains(parameters[0]) {
      weightGradient!.run(dy, program[inputs[0]], program.backwardScratch)
      program.deliver(scratch, of: parameters[0])
    }
    if parameters.count > 1, program.trains(parameters[1]) {
      scratch.update(repeating: 0, count: outputColumns)
      ck_column_sums(program.compute.element, dy, scratch, outputColumns, 0, rows)
      program.deliver(scratch, of: parameters[1])
    }
  }
}

extension ProgramRecorder {
  /// Records `x W^T + b`. `weight` is `[columns of the result, columns of x]`.
  package mutating func linear(_ x: Operand, weight: Parameter, bias: Parameter? = nil) -> Value {
    precondition(parameters[weight.index].columns == x.columns)
    let y = value(columns: parameters[weight.index].rows)
    operations.append(Linear(x, weight: weight, bias: bias, y: y, recorder: self))
    return y
  }
}
