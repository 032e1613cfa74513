internal import CKernels
import Tensors

/// `y = silu(g) * u`, where `g` is the left half of the input's columns and `u` the right half.
struct SiLUGateKernel: Kernel {
  let step: Step
  private var columns: Int { step.columns(of: step.result) }

  func forward(in program: Program) {
    let type = program.compute.element
    let (x, y) = (program[step.inputs[0]], program[step.result])
    ThreadTeam.forRanges(of: step.rows) { ck_silu_gate(type, x, y, columns, $0, $1) }
  }

  func backward(in program: Program) {
    guard let target = program.gradientTarget(0, of: step) else { return }
    precondition(!target.accumulates, "the gate is the only reader of its input")
    let type = program.compute.element
    let (dy, x) = (program.gradient(of: step.result), program[step.inputs[0]])
    ThreadTeam.forRanges(of: step.rows) {
      ck_silu_gate_backward(type, dy, x, target.pointer, columns, $0, $1)
    }
  }
}
