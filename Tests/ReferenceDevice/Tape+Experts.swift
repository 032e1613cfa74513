import Compute
import Foundation
package import Recordings

extension Tape {
  /// What each token's experts count, and which these are: in ascending order, none for a token that goes nowhere.
  package func routing(
    _ z: Node, _ router: Router, bias: Node? = nil, isPresent: (Int) -> Bool = { _ in true }
  ) -> (weights: Node, chosen: [[Int]]) {
    var y = Matrix(rows: z.value.rows, columns: router.experts)
    var chosen: [[Int]] = []
    var scores: [[Double]] = []
    for token in 0..<z.value.rows {
      let logits = (0..<router.experts).map { z.value[token, $0] }
      // Devices compute scores in f32, which decides what is finite and which are equal.
      let own = router.scores(logits)
      let keys = (router.score == .softmaxOfChosen ? logits : own).enumerated().map {
        Double(Float($1) + Float(bias?.value.elements[$0] ?? 0))
      }
      let isRoutable = !(logits + keys).contains { !$0.isFinite }
      let experts = isPresent(token) && isRoutable ? router.choice(keys) : []
      if isPresent(token), !isRoutable {
        for expert in 0..<router.experts { y[token, expert] = .nan }
      }
      let u = router.scoresOfChosen(logits, own, experts)
      let divisor = router.divisor(u)
      for (expert, u) in zip(experts, u) { y[token, expert] = Double(router.factor) * u / divisor }
      chosen.append(experts)
      scores.append(own)
    }
    let weights = record(y) { dw in
      for (token, experts) in chosen.enumerated() where !experts.isEmpty {
        let logits = (0..<router.experts).map { z.value[token, $0] }
        let u = router.scoresOfChosen(logits, scores[token], experts)
        let divisor = router.divisor(u)
        // The derivatives of each weight by each score, and of each score by each logit.
        for (i, wanted) in experts.enumerated() {
          for j in experts.indices {
            var slope = i == j ? 1 / divisor : 0
            if router.normalization != nil { slope -= u[i] / (divisor * divisor) }
            let d = dw[token, wanted] * Double(router.factor) * slope
            for (logit, e) in router.slopes(scores[token], u, experts, of: j) {
              z.gradient[token, logit] += d * e
            }
          }
        }
      }
    }
    return (weights, chosen)
  }

  /// The rows of tokens in the order of a plan, times their weights if there are any; 0 where there is none.
  package func dispatch(_ x: Node, _ plan: RoutingPlan, weights: Node? = nil) -> Node {
    var y = Matrix(rows: plan.tokens.count, columns: x.value.columns)
    for (row, token) in plan.tokens.enumerated() where token >= 0 {
      let weight = weights?.value[Int(token), Int(plan.experts[row])] ?? 1
      for column in 0..<y.columns { y[row, column] = weight * x.value[Int(token), column] }
    }
    return record(y) { dy in
      for (row, token) in plan.tokens.enumerated() where token >= 0 {
        let (token, expert) = (Int(token), Int(plan.experts[row]))
        let weight = weights?.value[token, expert] ?? 1
        for column in 0..<dy.columns {
          x.gradient[token, column] += weight * dy[row, column]
          weights?.gradient[token, expert] += dy[row, column] * x.value[token, column]
        }
      }
    }
  }

  /// `x W_e^T + b_e` with the matrix and the bias of each row's expert.
  package func groupedLinear(
    _ x: Node, weight: Node, bias: Node? = nil, experts: Int, _ plan: RoutingPlan
  ) -> Node {
    let outputs = weight.value.rows / experts
    var y = Matrix(rows: x.value.rows, columns: outputs)
    for (row, expert) in plan.experts.enumerated() where expert >= 0 {
      for output in 0..<outputs {
        y[row, output] = bias?.value.elements[Int(expert) * outputs + output] ?? 0
        for input in 0..<x.value.columns {
          y[row, output] +=
            x.value[row, input] * weight.value[Int(expert) * outputs + output, input]
        }
      }
    }
    return record(y) { dy in
      for (row, expert) in plan.experts.enumerated() where expert >= 0 {
        for output in 0..<outputs {
          let (place, d) = (Int(expert) * outputs + output, dy[row, output])
          bias?.gradient.elements[place] += d
          for input in 0..<x.value.columns {
            x.gradient[row, input] += d * weight.value[place, input]
            weight.gradient[place, input] += d * x.value[row, input]
          }
        }
      }
    }
  }

  /// The sum of the rows of each token, each times its weight if they count; what its weights are where it has no rows.
  package func combined(
    _ y: Node, _ weights: Node, _ plan: RoutingPlan, isWeighted: Bool = true
  ) -> Node {
    func weight(_ token: Int, _ expert: Int) -> Double {
      isWeighted ? weights.value[token, expert] : 1
    }
    var sum = Matrix(rows: weights.value.rows, columns: y.value.columns)
    for token in 0..<sum.rows where weights.value[token, 0].isNaN {
      for column in 0..<sum.columns { sum[token, column] = .nan }
    }
    for (row, token) in plan.tokens.enumerated() where token >= 0 {
      let weight = weight(Int(token), Int(plan.experts[row]))
      for column in 0..<sum.columns { sum[Int(token), column] += weight * y.value[row, column] }
    }
    return record(sum) { d in
      for (row, token) in plan.tokens.enumerated() where token >= 0 {
        let (token, expert) = (Int(token), Int(plan.experts[row]))
        for column in 0..<sum.columns {
          y.gradient[row, column] += weight(token, expert) * d[token, column]
          guard isWeighted else { continue }
          weights.gradient[token, expert] += d[token, column] * y.value[row, column]
        }
      }
    }
  }
}

extension Router {
  /// The scores of all experts.
  fileprivate func scores(_ z: [Double]) -> [Double] {
    switch score {
    case .sigmoid: return z.map { 1 / (1 + exp(-$0)) }
    case .softmax:
      let greatest = z.max() ?? 0
      let all = z.map { exp($0 - greatest) }
      return all.map { $0 / all.reduce(0, +) }
    case .softmaxOfChosen: return z
    }
  }

  /// The experts with the largest keys, in ascending order.
  fileprivate func choice(_ keys: [Double]) -> [Int] {
    var allowed = Array(0..<experts)
    if let groups {
      let size = experts / groups.count
      let best = (0..<groups.count).map { group in
        allowed[group * size..<(group + 1) * size].map { keys[$0] }.sorted(by: >)
          .prefix(groups.summed)
          .reduce(0, +)
      }
      let kept = best.indices.sorted { (best[$1], $0) < (best[$0], $1) }.prefix(groups.kept)
      allowed = allowed.filter { kept.contains($0 / size) }
    }
    return allowed.sorted { (keys[$1], $0) < (keys[$0], $1) }.prefix(perToken).sorted()
  }

  /// The scores of the chosen experts, in their order.
  fileprivate func scoresOfChosen(
    _ z: [Double], _ scores: [Double], _ chosen: [Int]
  ) -> [Double] {
    guard score == .softmaxOfChosen else { return chosen.map { scores[$0] } }
    let greatest = chosen.map { z[$0] }.max() ?? 0
    let all = chosen.map { exp(z[$0] - greatest) }
    return all.map { $0 / all.reduce(0, +) }
  }

  fileprivate func divisor(_ u: [Double]) -> Double {
    normalization.map { u.reduce(0, +) + Double($0) } ?? 1
  }

  /// The derivatives of the score `j` of the chosen by logits.
  fileprivate func slopes(
    _ scores: [Double], _ u: [Double], _ chosen: [Int], of j: Int
  ) -> [(logit: Int, slope: Double)] {
    switch score {
    case .sigmoid: [(chosen[j], u[j] * (1 - u[j]))]
    case .softmax:
      scores.enumerated().map { ($0, u[j] * (($0 == chosen[j] ? 1 : 0) - $1)) }
    case .softmaxOfChosen:
      chosen.enumerated().map { ($1, u[j] * (($0 == j ? 1 : 0) - u[$0])) }
    }
  }
}
