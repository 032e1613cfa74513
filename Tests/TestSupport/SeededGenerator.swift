package import Tensors

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Random numbers that are the same on every run and machine: SplitMix64.
///
/// The state advances by the golden ratio's 64-bit fraction; each output is the state sent through
/// two xor-shift-multiply rounds (Steele, Lea and Flood, OOPSLA 2014).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// One number below `bound`, which must be positive.
  package mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  /// Evenly spread numbers.
  package mutating func uniform(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }

  /// Normally distributed numbers around 0, by Box and Muller's transform.
  package mutating func normal(_ count: Int, deviation: Float = 1) -> [Float] {
    (0..<count).map { _ in
      let radius = (-2 * log(Double.random(in: Double.ulpOfOne...1, using: &self))).squareRoot()
      return deviation * Float(radius * cos(2 * .pi * Double.random(in: 0...1, using: &self)))
    }
  }

  /// Normally distributed numbers as a tensor, rounded to `dtype`.
  package mutating func tensor(
    _ shape: [Int], deviation: Float = 1, dtype: DType = .float32
  ) -> Tensor {
    Tensor(normal(shape.reduce(1, *), deviation: deviation), shape: shape).converted(to: dtype)
  }
}
