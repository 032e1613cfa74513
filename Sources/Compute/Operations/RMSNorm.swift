internal import CKernels
import Tensors

/// `y = x / sqrt(mean(x^2) + epsilon) * w`, over each row.
final class RMSNorm: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  let parameters: [Parameter]
  var savedForBackward: [Value] { [inputs[0].value, outputs[1]] }
  let backwardScratch: Int

  private let rows: Int
  private let columns: Int
  private let epsilon: Float

  init(
    _ x: Operand, weight: Parameter, epsilon: Float, y: Value, inverse: Value,
    recorder: ProgramRecorder
  ) {
    inputs = [x]
    outputs = [y, inverse]
    parameters = [weight]
    rows = recorder.rows
    columns = x.columns
    self.epsilon = epsilon
    backwardScratch = columns * MemoryLayout<Float>.stride
  }

  func forward(in program: Program) {
    let type = program.compute.element
    let x = program[inputs[0]]
    let y = program[result]
    let weight = program[parameters[0]].assumingMemoryBound(to: Float.self)
    let inverse = program[outputs[1]].assumingMemoryBound(to: Float.self)
    ThreadTeam.forRanges(of: rows) { begin, end in
      ck_rms_norm(type, x, weight, y, inverse, columns, epsilon, begin, end)
    }
  }

  func backward(in program: Program) {
    let type = program.compute.element
    let dy = program.gradient(of: result)
    let x = program[inputs[0]]
    let weight = program[parameters[0]].assumingMemoryBound(to: Float.self)
    let inverse = program[outputs[1]].assumingMemoryBound(to: Float.self)
    if program.trains(parameters[0]) {
      let scratch = program.backwardScratch.assumingMemoryBound(to: Float.self)
      scratch.update(repeating: 0, count: columns)
      ck_rms_norm_weight_gradient(type, dy, x, inverse, scratch, columns, 0, rows)
      program.deliver(scratch, of: parameters[0])
    }
    guard let target = program.gradientTarget(0) else { return }
    ThreadTeam.forRanges(of: rows) { begin, end in
      ck_rms_norm_backward(
        type, dy, x, weight, inverse, target.pointer, columns, target.accumulates, begin, end)
    }
  }
}

extension ProgramRecorder {
  /// Records the norm of whole rows of `x`.
  package mutating func rmsNorm(_ x: Value, weight: Parameter, epsilon: Float) -> Value {
    let y = value(columns: columns(of: x))
    let inverse = value(columns: 1, type: .float32)
    operations.append(
      RMSNorm(
        operand(x), weight: weight, epsilon: epsilon, y: y, inverse: inverse, recorder: self))
    return y
  }
}
