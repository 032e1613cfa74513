internal import CKernels
import Compute
import Recordings
import Tensors

/// The copies of tokens that experts read.
struct DispatchKernel: Kernel {
  let step: Step
  private var columns: Int { step.columns(of: step.result) }
  /// Elements from one token to the next.
  private var stride: Int { step.columns(of: step.inputs[0].value) }

  func forward(in program: Program) {
    let plan = PlanPointers(step.node.reads[0], in: program)
    let (x, y, type) = (program[step.inputs[0]], program[step.result], program.compute)
    let (columns, stride, weights) = (columns, stride, weights(plan, in: program))
    let byteCount = columns * type.byteCount
    ThreadTeam.forRanges(of: plan.count) { begin, end in
      for row in begin..<end {
        let (token, place) = (Int(plan.tokens[row]), y + row * byteCount)
        if token < 0 {
          place.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        } else if let weights {
          var weight = weights.ofRow(row)
          ck_sum_rows(
            type.element, x, stride, plan.tokens + row, &weight, 1, place, columns, false)
        } else {
          place.copyMemory(from: x + token * stride * type.byteCount, byteCount: byteCount)
        }
      }
    }
  }

  func backward(in program: Program) {
    let plan = PlanPointers(step.node.reads[0], in: program)
    let (dy, type, tokens) = (program.gradient(of: step.result), program.compute, program.rows)
    let (columns, perToken) = (columns, plan.count / tokens)
    let weights = weights(plan, in: program)
    if let target = program.gradientTarget(0, of: step) {
      ThreadTeam.forRanges(of: tokens) { begin, end in
        var factors = Array(repeating: Float(1), count: perToken)
        for token in begin..<end {
          let rows = plan.rows + token * perToken
          if let weights {
            for slot in 0..<perToken where rows[slot] >= 0 {
              factors[slot] = weights.ofRow(Int(rows[slot]))
            }
          }
          ck_sum_rows(
            type.element, dy, columns, rows, factors, perToken,
            target.pointer + token * target.rowStride * type.byteCount, columns,
            target.accumulates)
        }
      }
    }
    guard let weights, let target = program.gradientTarget(1, of: step) else { return }
    let (x, stride) = (program[step.inputs[0]], stride)
    weights.writeGradients(to: target, tokens: tokens) { token, row in
      ck_dot(
        type.element, dy + row * columns * type.byteCount, x + token * stride * type.byteCount,
        columns)
    }
  }

  /// What copies are multiplied with; nil for nothing.
  private func weights(_ plan: PlanPointers, in program: Program) -> RoutingWeights? {
    guard step.inputs.count > 1 else { return nil }
    return RoutingWeights(step.inputs[1].value, plan, in: program)
  }
}

/// The sum of what experts answer a token.
struct CombinationKernel: Kernel {
  let step: Step
  private var columns: Int { step.columns(of: step.result) }
  /// Whether answers are multiplied with their weights; else these only say why a token goes nowhere.
  private var isWeighted: Bool { step.inputs.count > 1 }

  func forward(in program: Program) {
    let plan = PlanPointers(step.node.reads[0], in: program)
    let weights = weights(plan, in: program)
    let (y, sum, type) = (program[step.inputs[0]], program[step.result], program.compute)
    let (columns, isWeighted, perToken) = (columns, isWeighted, plan.count / step.rows)
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      var factors = Array(repeating: Float(1), count: perToken)
      for token in begin..<end {
        let rows = plan.rows + token * perToken
        let place = sum + token * columns * type.byteCount
        guard rows[0] >= 0 else {
          // A token that goes nowhere has weights of 0, or of NaN, and its answer is the same.
          place.initializeMemory(
            as: UInt8.self, repeating: weights.areMissing(ofToken: token) ? 0xFF : 0,
            count: columns * type.byteCount)
          continue
        }
        if isWeighted {
          for slot in 0..<perToken { factors[slot] = weights.ofRow(Int(rows[slot])) }
        }
        ck_sum_rows(type.element, y, columns, rows, factors, perToken, place, columns, false)
      }
    }
  }

  func backward(in program: Program) {
    let plan = PlanPointers(step.node.reads[0], in: program)
    let weights = weights(plan, in: program)
    let type = program.compute
    let (y, dSum) = (program[step.inputs[0]], program.gradient(of: step.result))
    let (columns, isWeighted) = (columns, isWeighted)
    if let target = program.gradientTarget(0, of: step) {
      ThreadTeam.forRanges(of: plan.count) { begin, end in
        for row in begin..<end {
          var weight = isWeighted ? weights.ofRow(row) : 1
          ck_sum_rows(
            type.element, dSum, columns, plan.tokens + row, &weight, 1,
            target.pointer + row * target.rowStride * type.byteCount, columns, target.accumulates)
        }
      }
    }
    guard isWeighted, let target = program.gradientTarget(1, of: step) else { return }
    weights.writeGradients(to: target, tokens: step.rows) { token, row in
      ck_dot(
        type.element, dSum + token * columns * type.byteCount,
        y + row * columns * type.byteCount, columns)
    }
  }

  private func weights(_ plan: PlanPointers, in program: Program) -> RoutingWeights {
    RoutingWeights(
      isWeighted ? step.inputs[1].value : step.node.reads[1], plan, in: program)
  }
}
