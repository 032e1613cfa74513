internal import CKernels
import Recordings
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
      var target = y + begin * columns * size
      for part in parts {
        copyRows(
          end - begin, byteCount: part.count, from: part.from + begin * part.stride, part.stride,
          to: target, columns * size)
        target += part.count
      }
    }
  }

  func backward(in program: Program) {
    let (type, size) = (program.compute.element, program.compute.byteCount)
    let dy = program.gradient(of: step.result)
    let targets = step.inputs.indices.map { program.gradientTarget($0, of: step) }
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      var source = dy + begin * columns * size
      for (part, target) in zip(step.inputs, targets) {
        defer { source += part.columns * size }
        guard let target else { continue }
        let stride = target.rowStride * size
        let to = target.pointer + begin * stride
        guard target.accumulates else {
          copyRows(
            end - begin, byteCount: part.columns * size, from: source, columns * size, to: to,
            stride)
          continue
        }
        for row in 0..<end - begin {
          let (sum, own) = (to + row * stride, source + row * columns * size)
          ck_add(type, sum, own, sum, 0, part.columns)
        }
      }
    }
  }
}
