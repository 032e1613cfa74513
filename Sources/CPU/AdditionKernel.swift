internal import CKernels
import Compute
import Recordings
import Tensors

/// `y = a + b`. The gradient of both operands is the result's, and usually lies in the same memory.
struct AdditionKernel: Kernel {
  let step: Step
  private var count: Int { step.rows * step.columns(of: step.result) }

  func forward(in program: Program) {
    let type = program.compute.element
    let (a, b, y) = (program[step.inputs[0]], program[step.inputs[1]], program[step.result])
    ThreadTeam.forRanges(of: count) { ck_add(type, a, b, y, $0, $1) }
  }

  func backward(in program: Program) {
    let type = program.compute.element
    let dy = program.gradient(of: step.result)
    for index in 0...1 {
      guard let target = program.gradientTarget(index, of: step) else { continue }
      if target.accumulates {
        ThreadTeam.forRanges(of: count) {
          ck_add(type, dy, target.pointer, target.pointer, $0, $1)
        }
      } else {
        target.pointer.copyMemory(from: dy, byteCount: count * program.compute.byteCount)
      }
    }
  }
}
