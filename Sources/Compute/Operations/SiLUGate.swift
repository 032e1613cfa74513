internal import CKernels
import Tensors

/// `y = silu(g) * u`, where `g` is the left half of the input's columns and `u` the right half.
final class SiLUGate: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  var savedForBackward: [Value] { [inputs[0].value] }
  private let rows: Int
  private let columns: Int

  init(_ x: Operand, y: Value, recorder: ProgramRecorder) {
    inputs = [x]
    outputs = [y]
    rows = recorder.rows
    columns = x.columns / 2
  }

  func forward(in program: Program) {
    let type = program.compute.element
    let (x, y) = (program[inputs[0]], program[result])
    ThreadTeam.forRanges(of: rows) { ck_silu_gate(type, x, y, columns, $0, $1) }
  }

  func backward(in program: Program) {
    guard let target = program.gradientTarget(0) else { return }
    precondition(!target.accumulates, "the gate is the only reader of its input")
    let type = program.compute.element
    let (dy, x) = (program.gradient(of: result), program[inputs[0]])
    ThreadTeam.forRanges(of: rows) {
      ck_silu_gate_backward(type, dy, x, target.pointer, columns, $0, $1)
    }
  }
}

extension ProgramRecorder {
  /// Records the gate of a gated MLP; `x` holds gate and up projection side by side.
  package mutating func siluGate(_ x: Value) -> Value {
    precondition(columns(of: x) % 2 == 0)
    let y = value(columns: columns(of: x) / 2)
    operations.append(SiLUGate(operand(x), y: y, recorder: self))
    return y
  }
}
