import CKernels
import Diagnostics
import Execution
import Foundation
import Tensors

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
  ///
  /// - Throws: `notFinite` for logits of which none can be said to be the largest.
  mutating func next(_ logits: UnsafeBufferPointer<Float>) throws(InputError) -> Int {
    guard let base = logits.baseAddress else { return 0 }
    let likeliest = Int(ck_largest(base, logits.count))
    guard base[likeliest].isFinite, !logits.contains(where: \.isNaN) else {
      throw InputError(
        .notFinite, "there is no next token: the model's logits are not finite numbers")
    }
    guard temperature > 0 else { return likeliest }
    let largest = Double(base[likeliest])
    let weights = logits.map { exp((Double($0) - largest) / temperature) }
    let total = weights.reduce(0, +)
    var rest = Double(generator.next()) / 0x1p32 * total
    for (token, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return token }
    }
    return likeliest
  }
}
