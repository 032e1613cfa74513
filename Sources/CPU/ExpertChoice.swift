import Compute
import Foundation
import Recordings

/// The choice of one token, and room for it.
struct ExpertChoice {
  private let router: Router
  /// What is chosen by, and the scores.
  private var keys: [Float]
  private var scores: [Float]
  private var slopes: [Float]

  init(_ router: Router) {
    self.router = router
    keys = Array(repeating: 0, count: router.experts)
    (scores, slopes) = (keys, keys)
  }

  /// Puts the weights of all experts in the place of their logits `row`, and the chosen experts, in ascending order, in
  /// `chosen`, which holds -1.
  mutating func route(
    _ row: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>?,
    _ chosen: UnsafeMutablePointer<Int32>
  ) {
    let count = router.experts
    var isFinite = true
    for expert in 0..<count { isFinite = isFinite && row[expert].isFinite }
    score(row)
    for expert in 0..<count {
      keys[expert] = (router.score == .softmaxOfChosen ? row[expert] : scores[expert])
      if let bias { keys[expert] += bias[expert] }
      isFinite = isFinite && keys[expert].isFinite
    }
    guard isFinite else {
      row.update(repeating: .nan, count: count)
      return
    }
    if let groups = router.groups { leaveGroups(groups) }
    choose(chosen)
    weigh(row, chosen)
  }

  /// `p` of all experts.
  private mutating func score(_ z: UnsafePointer<Float>) {
    let count = router.experts
    switch router.score {
    case .sigmoid: for expert in 0..<count { scores[expert] = 1 / (1 + exp(-z[expert])) }
    case .softmax:
      var greatest = z[0]
      for expert in 1..<max(count, 1) { greatest = max(greatest, z[expert]) }
      var sum: Float = 0
      for expert in 0..<count {
        scores[expert] = exp(z[expert] - greatest)
        sum += scores[expert]
      }
      for expert in 0..<count { scores[expert] /= sum }
    case .softmaxOfChosen: break
    }
  }

  /// Makes the experts of all but the best groups impossible to choose.
  private mutating func leaveGroups(_ groups: Router.Groups) {
    let size = router.experts / groups.count
    let sums = (0..<groups.count).map { group in
      var (first, second) = (-Float.infinity, -Float.infinity)
      for expert in group * size..<(group + 1) * size {
        if keys[expert] > first {
          (first, second) = (keys[expert], first)
        } else {
          second = max(second, keys[expert])
        }
      }
      return min(size, groups.summed) > 1 ? first + second : first
    }
    let order = sums.indices.sorted { sums[$0] > sums[$1] || (sums[$0] == sums[$1] && $0 < $1) }
    for group in order[groups.kept...] {
      for expert in group * size..<(group + 1) * size { keys[expert] = -.infinity }
    }
  }

  /// The largest keys, the first of equals.
  private mutating func choose(_ chosen: UnsafeMutablePointer<Int32>) {
    for slot in 0..<router.perToken {
      var best = 0
      for expert in 1..<max(router.experts, 1) where keys[expert] > keys[best] { best = expert }
      keys[best] = -.infinity
      var place = slot
      while place > 0, chosen[place - 1] > Int32(best) {
        chosen[place] = chosen[place - 1]
        place -= 1
      }
      chosen[place] = Int32(best)
    }
  }

  private mutating func weigh(
    _ row: UnsafeMutablePointer<Float>, _ chosen: UnsafeMutablePointer<Int32>
  ) {
    let chosen = UnsafeBufferPointer(start: chosen, count: router.perToken)
    if router.score == .softmaxOfChosen {
      let greatest = chosen.reduce(-Float.infinity) { max($0, row[Int($1)]) }
      let sum = chosen.reduce(Float(0)) { $0 + exp(row[Int($1)] - greatest) }
      for expert in chosen { scores[Int(expert)] = exp(row[Int(expert)] - greatest) / sum }
    }
    let scale = router.factor / divisor(chosen.lazy.map { Int($0) })
    row.update(repeating: 0, count: router.experts)
    for expert in chosen { row[Int(expert)] = scale * scores[Int(expert)] }
  }

  /// What the scores of the chosen are divided by.
  private func divisor(_ chosen: some Sequence<Int>) -> Float {
    guard let addend = router.normalization else { return 1 }
    return chosen.reduce(Float(0)) { $0 + scores[$1] } + addend
  }

  /// Puts the gradient of logits in the place of the logits `z`.
  ///
  /// - Parameters:
  ///   - weights: Those of all experts.
  ///   - dw: Their gradients.
  ///   - chosen: The experts of the token.
  mutating func gradient(
    _ z: inout [Float], _ weights: UnsafePointer<Float>, _ dw: UnsafePointer<Float>,
    _ chosen: [Int]
  ) {
    guard !chosen.isEmpty else {
      for expert in z.indices { z[expert] = 0 }
      return
    }
    z.withUnsafeBufferPointer { score($0.baseAddress!) }
    if router.score == .softmaxOfChosen {
      for expert in chosen { scores[expert] = weights[expert] / router.factor }
    }
    let divisor = divisor(chosen)
    let mean = chosen.reduce(Float(0)) { $0 + dw[$1] * scores[$1] } / divisor
    for expert in z.indices { slopes[expert] = 0 }
    for expert in chosen {
      let own = router.normalization == nil ? dw[expert] : dw[expert] - mean
      slopes[expert] = router.factor / divisor * own
    }
    guard router.score != .sigmoid else {
      for expert in z.indices {
        z[expert] = slopes[expert] * scores[expert] * (1 - scores[expert])
      }
      return
    }
    let inner = chosen.reduce(Float(0)) { $0 + slopes[$1] * scores[$1] }
    for expert in z.indices { z[expert] = scores[expert] * (slopes[expert] - inner) }
    guard router.score == .softmaxOfChosen else { return }
    let members = Set(chosen)
    for expert in z.indices where !members.contains(expert) { z[expert] = 0 }
  }
}
