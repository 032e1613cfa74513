internal import CKernels
import Recordings
import Tensors

/// The copies of tokens that experts read.
struct DispatchKernel: Kernel {
  let step: Step
  private var columns: Int { step.columns(of: step.result) }

  func forward(in program: Program) {
    let plan = PlanPointers(step.node.reads[0], in: program)
    let size = program.compute.byteCount
    let (byteCount, stride) = (columns * size, step.columns(of: step.inputs[0].value) * size)
    let (x, y) = (program[step.inputs[0]], program[step.result])
    ThreadTeam.forRanges(of: plan.count) { begin, end in
      for row in begin..<end {
        let token = Int(plan.tokens[row])
        if token < 0 {
          (y + row * byteCount).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        } else {
          (y + row * byteCount).copyMemory(from: x + token * stride, byteCount: byteCount)
        }
      }
    }
  }

  func backward(in program: Program) {
    guard let target = program.gradientTarget(0, of: step) else { return }
    let plan = PlanPointers(step.node.reads[0], in: program)
    let type = program.compute
    let dy = program.gradient(of: step.result)
    let tokens = program.rows
    let perToken = plan.count / tokens
    let ones = Array(repeating: Float(1), count: perToken)
    ThreadTeam.forRanges(of: tokens) { begin, end in
      for token in begin..<end {
        ck_sum_rows(
          type.element, dy, columns, plan.rows + token * perToken, ones, perToken,
          target.pointer + token * target.rowStride * type.byteCount, columns, target.accumulates)
      }
    }
  }
}

/// The sum of what experts answer a token.
struct CombinationKernel: Kernel {
  let step: Step
  private var columns: Int { step.columns(of: step.result) }
  private var experts: Int { step.inputs[1].columns }

  func forward(in program: Program) {
    let plan = PlanPointers(step.node.reads[0], in: program)
    let weights = program[step.inputs[1]].assumingMemoryBound(to: Float.self)
    let type = program.compute
    let (y, sum) = (program[step.inputs[0]], program[step.result])
    let perToken = plan.count / step.rows
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      var chosen = Array(repeating: Float(0), count: perToken)
      for token in begin..<end {
        let (rows, own) = (plan.rows + token * perToken, weights + token * experts)
        let place = sum + token * columns * type.byteCount
        guard rows[0] >= 0 else {
          // A token that goes nowhere has weights of 0, or of NaN, and its answer is the same.
          fill(place, with: own[0], type)
          continue
        }
        for slot in 0..<perToken { chosen[slot] = own[Int(plan.experts[Int(rows[slot])])] }
        ck_sum_rows(type.element, y, columns, rows, chosen, perToken, place, columns, false)
      }
    }
  }

  /// A row of 0, or of NaN.
  private func fill(_ row: UnsafeMutableRawPointer, with number: Float, _ type: ComputeType) {
    row.initializeMemory(
      as: UInt8.self, repeating: number.isNaN ? 0xFF : 0, count: columns * type.byteCount)
  }

  func backward(in program: Program) {
    let plan = PlanPointers(step.node.reads[0], in: program)
    let weights = program[step.inputs[1]].assumingMemoryBound(to: Float.self)
    let type = program.compute
    let (y, dSum) = (program[step.inputs[0]], program.gradient(of: step.result))
    let rowByteCount = columns * type.byteCount
    if let target = program.gradientTarget(0, of: step) {
      ThreadTeam.forRanges(of: plan.count) { begin, end in
        for row in begin..<end {
          var weight: Float = 0
          if plan.tokens[row] >= 0 {
            weight = weights[Int(plan.tokens[row]) * experts + Int(plan.experts[row])]
          }
          ck_sum_rows(
            type.element, dSum, columns, plan.tokens + row, &weight, 1,
            target.pointer + row * target.rowStride * type.byteCount, columns, target.accumulates)
        }
      }
    }
    guard let target = program.gradientTarget(1, of: step) else { return }
    let dw = target.range.floats
    let perToken = plan.count / step.rows
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      for token in begin..<end {
        let own = dw + token * target.rowStride
        if !target.accumulates { own.update(repeating: 0, count: experts) }
        for slot in 0..<perToken {
          let row = Int(plan.rows[token * perToken + slot])
          guard row >= 0 else { continue }
          own[Int(plan.experts[row])] += ck_dot(
            type.element, dSum + token * rowByteCount, y + row * rowByteCount, columns)
        }
      }
    }
  }
}
