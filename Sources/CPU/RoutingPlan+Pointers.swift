import Compute
import Recordings

/// A ``RoutingPlan`` where the processor's kernels have it.
struct PlanPointers {
  /// How many rows there are.
  let count: Int
  let tokens: UnsafeMutablePointer<Int32>
  let experts: UnsafeMutablePointer<Int32>
  let rows: UnsafeMutablePointer<Int32>

  init(_ plan: Value, in program: Program) {
    count = program.recording.rows(of: plan) * program.recording.columns(of: plan) / 3
    tokens = program[plan].assumingMemoryBound(to: Int32.self)
    experts = tokens + count
    rows = experts + count
  }

  /// Sorts pairs: each token has `perToken` experts in `rows`, in ascending order, or -1.
  func sort(perToken: Int, experts count: Int) {
    var next = Array(repeating: 0, count: count + 1)
    for pair in 0..<self.count where rows[pair] >= 0 { next[Int(rows[pair]) + 1] += 1 }
    for expert in 0..<count { next[expert + 1] += next[expert] }
    tokens.update(repeating: -1, count: self.count)
    experts.update(repeating: -1, count: self.count)
    for pair in 0..<self.count where rows[pair] >= 0 {
      let expert = Int(rows[pair])
      let row = next[expert]
      next[expert] += 1
      tokens[row] = Int32(pair / perToken)
      experts[row] = Int32(expert)
      rows[pair] = Int32(row)
    }
  }

  /// The experts that have rows, with these.
  var segments: [(expert: Int, rows: Range<Int>)] {
    RoutingPlan.segments(of: UnsafeBufferPointer(start: experts, count: count))
  }

  /// The rows that belong to no token.
  var spareRows: Range<Int> { (segments.last?.rows.upperBound ?? 0)..<count }
}
