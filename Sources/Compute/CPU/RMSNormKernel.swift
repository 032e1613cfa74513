internal import CKernels
import Tensors

/// `y = x / sqrt(mean(x^2) + epsilon) * w`, over each row.
struct RMSNormKernel: Kernel {
  let step: Step
  let epsilon: Float
  private var columns: Int { step.inputs[0].columns }

  static func scratch(of node: Node) -> Scratch {
    Scratch(backward: node.inputs[0].columns * MemoryLayout<Float>.stride)
  }

  func forward(in program: Program) {
    let type = program.compute.element
    let x = program[step.inputs[0]]
    let y = program[step.result]
    let weight = program[step.parameters[0]]
    let inverse = program[step.node.outputs[1]].assumingMemoryBound(to: Float.self)
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      ck_rms_norm(type, x, weight, y, inverse, columns, epsilon, begin, end)
    }
  }

  func backward(in program: Program) {
    let type = program.compute.element
    let dy = program.gradient(of: step.result)
    let x = program[step.inputs[0]]
    let weight = program[step.parameters[0]]
    let inverse = program[step.node.outputs[1]].assumingMemoryBound(to: Float.self)
    if step.trains(step.parameters[0]) {
      let sums = program.backwardScratch(of: step)
      sums.floats.update(repeating: 0, count: columns)
      ck_rms_norm_weight_gradient(type, dy, x, inverse, sums.floats, columns, 0, step.rows)
      program.deliver(sums, of: step.parameters[0])
    }
    guard let target = program.gradientTarget(0, of: step) else { return }
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      ck_rms_norm_backward(
        type, dy, x, weight, inverse, target.pointer, columns, target.accumulates, begin, end)
    }
  }
}
