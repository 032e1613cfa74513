import Compute
import Recordings
import Tensors

/// What experts count for each token, `[tokens, experts]`, where the processor's kernels have it.
struct RoutingWeights {
  private let numbers: UnsafeMutablePointer<Float>
  private let plan: PlanPointers
  private let experts: Int

  init(_ weights: Value, _ plan: PlanPointers, in program: Program) {
    numbers = program[weights].assumingMemoryBound(to: Float.self)
    self.plan = plan
    experts = program.recording.columns(of: weights)
  }

  /// That of a row's expert for its token; 0 for a row without a token.
  func ofRow(_ row: Int) -> Float {
    guard plan.tokens[row] >= 0 else { return 0 }
    return numbers[Int(plan.tokens[row]) * experts + Int(plan.experts[row])]
  }

  /// Whether a token's logits were not finite.
  func areMissing(ofToken token: Int) -> Bool { numbers[token * experts].isNaN }

  /// Writes gradients, or adds them: for each token and each of its rows what `product` gives, and 0 for the experts that
  /// it has not chosen.
  func writeGradients(
    to target: GradientTarget, tokens: Int, _ product: (_ token: Int, _ row: Int) -> Float
  ) {
    let (dw, perToken) = (target.range.floats, plan.count / tokens)
    ThreadTeam.forRanges(of: tokens) { begin, end in
      for token in begin..<end {
        let own = dw + token * target.rowStride
        if !target.accumulates { own.update(repeating: 0, count: experts) }
        for slot in 0..<perToken {
          let row = Int(plan.rows[token * perToken + slot])
          guard row >= 0 else { continue }
          own[Int(plan.experts[row])] += product(token, row)
        }
      }
    }
  }
}
