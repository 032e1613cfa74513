internal import CKernels
import Compute
import Recordings
import Tensors

/// The choice of experts, and what their answers count.
struct RoutingKernel: Kernel {
  let step: Step
  let router: Router
  private var plan: Value { step.node.outputs[1] }

  func forward(in program: Program) {
    let (z, stride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let type = step.recording.type(of: step.inputs[0].value)
    let bias = step.parameters.first.map { program[$0] }
    let weights = program[step.result].assumingMemoryBound(to: Float.self)
    let plan = PlanPointers(plan, in: program)
    let (tokens, tokenCounts) = (program.tokens, program.tokenCounts)
    let (count, k) = (router.experts, router.perToken)
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      var choice = ExpertChoice(router)
      for token in begin..<end {
        let row = weights + token * count
        let chosen = plan.rows + token * k
        chosen.update(repeating: -1, count: k)
        row.update(repeating: 0, count: count)
        let (sample, place) = token.quotientAndRemainder(dividingBy: tokens)
        guard sample < tokenCounts.count, place < tokenCounts[sample] else { continue }
        ck_read_rows(type.element, z + token * stride * type.byteCount, stride, row, 1, count)
        choice.route(row, bias: bias.map { UnsafePointer($0) }, chosen)
      }
    }
    plan.sort(perToken: k, experts: count)
  }

  func backward(in program: Program) {
    guard let target = program.gradientTarget(0, of: step) else { return }
    let (z, stride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let type = step.recording.type(of: step.inputs[0].value)
    let weights = program[step.result].assumingMemoryBound(to: Float.self)
    let dw = program.gradient(of: step.result).assumingMemoryBound(to: Float.self)
    let plan = PlanPointers(plan, in: program)
    let (count, k) = (router.experts, router.perToken)
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      var choice = ExpertChoice(router)
      var dz = Array(repeating: Float(0), count: count)
      for token in begin..<end {
        ck_read_rows(type.element, z + token * stride * type.byteCount, stride, &dz, 1, count)
        let chosen = (0..<k).compactMap { slot in
          let row = plan.rows[token * k + slot]
          return row < 0 ? nil : Int(plan.experts[Int(row)])
        }
        choice.gradient(&dz, weights + token * count, dw + token * count, chosen)
        ck_write_rows(
          type.element, dz, target.pointer + token * target.rowStride * type.byteCount,
          target.rowStride, target.accumulates, 1, count)
      }
    }
  }
}
