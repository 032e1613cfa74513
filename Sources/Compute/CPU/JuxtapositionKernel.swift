internal import CKernels
import Tensors

/// `y = [a | b | ...]`: columns of values side by side.
struct JuxtapositionKernel: Kernel {
  let step: Step
  private var columns: Int { step.columns(of: step.result) }

  func forward(in program: Program) {
    let size = program.compute.byteCount
    let y = program[step.result]
    let parts = step.inputs.map { part in
      (from: program[part], stride: step.columns(of: part.value) * size, count: part.columns * size)
    }
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      for row in begin..<end {
        var target = y + row * columns * size
        for part in parts {
          target.copyMemory(from: part.from + row * part.stride, byteCount: part.count)
          target += part.count
        }
      }
    }
  }

  func backward(in program: Program) {
    let (type, size) = (program.compute.element, program.compute.byteCount)
    let dy = program.gradient(of: step.result)
    let targets = step.inputs.indices.map { program.gradientTarget($0, of: step) }
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      for row in begin..<end {
        var source = dy + row * columns * size
        for (part, target) in zip(step.inputs, targets) {
          defer { source += part.columns * size }
          guard let target else { continue }
          let to = target.pointer + row * target.rowStride * size
          if target.accumulates {
            ck_add(type, to, source, to, 0, part.columns)
          } else {
            to.copyMemory(from: source, byteCount: part.columns * size)
          }
        }
      }
    }
  }
}
