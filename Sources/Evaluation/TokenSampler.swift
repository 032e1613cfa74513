import CKernels
import Execution
import Foundation

/// Chooses the next token from logits.
struct TokenSampler {
  private let temperature: Double
  private var generator: MersenneTwister

  init(temperature: Double, seed: UInt64) {
    self.temperature = temperature
    generator = MersenneTwister(seed: seed)
  }

  /// The most likely token at temperature 0; else one drawn with probability
  /// `exp(logit / temperature)`, normalized.
  mutating func next(_ logits: UnsafeBufferPointer<Float>) -> Int {
    guard let base = logits.baseAddress, temperature > 0 else {
      return logits.baseAddress.map { Int(ck_largest($0, logits.count)) } ?? 0
    }
    let largest = Double(base[Int(ck_largest(base, logits.count))])
    let weights = logits.map { exp((Double($0) - largest) / temperature) }
    let total = weights.reduce(0, +)
    var rest = Double(generator.next()) / 0x1p32 * total
    for (token, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return token }
    }
    return Int(ck_largest(base, logits.count))
  }
}
