import Tensors

/// `y = [a | b | ...]`: the columns of values side by side.
struct JuxtapositionKernel: Kernel {
  let step: Step
  private var columns: Int { step.columns(of: step.result) }

  func forward(in program: Program) {
    let size = program.compute.byteCount
    var y = program[step.result]
    for part in step.inputs {
      copy(
        program[part], stride: step.columns(of: part.value) * size, to: y,
        stride: columns * size, byteCount: part.columns * size)
      y += part.columns * size
    }
  }

  func backward(in program: Program) {
    let size = program.compute.byteCount
    var dy = program.gradient(of: step.result)
    for (index, part) in step.inputs.enumerated() {
      if let target = program.gradientTarget(index, of: step) {
        precondition(!target.accumulates, "a part has no other reader")
        copy(
          dy, stride: columns * size, to: target.pointer, stride: target.rowStride * size,
          byteCount: part.columns * size)
      }
      dy += part.columns * size
    }
  }

  private func copy(
    _ source: UnsafeMutableRawPointer, stride: Int, to target: UnsafeMutableRawPointer,
    stride targetStride: Int, byteCount: Int
  ) {
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      copyRows(
        end - begin, byteCount: byteCount, from: source + begin * stride, stride,
        to: target + begin * targetStride, targetStride)
    }
  }
}
