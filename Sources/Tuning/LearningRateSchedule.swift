package import Quantization

/// A learning rate that falls linearly to zero over the iterations.
///
/// Rate i is `initial * (1 - i / T)`. It is computed as the reference computes it, each rate from the one
/// before by a factor rounded to f32, so that rates agree to the last bit.
package struct LearningRateSchedule {
  /// The rate of the current iteration.
  package private(set) var rate: Float
  /// What all rates are multiples of, `initial / T`: rate i is T - i of it. Nil where 16 bits cannot count how far offsets
  /// can move in all, or the unit is beyond the normal numbers.
  package let unit: Float?
  private let iterations: Int
  private var iteration = 0

  package init(initial: Float, iterations: Int) {
    rate = initial
    let unit = initial / Float(iterations)
    self.unit = Self.offsets(iterations: iterations) == .counted && unit.isNormal ? unit : nil
    self.iterations = iterations
  }

  /// How offsets are held that move by such rates: the sum of all is T (T + 1) / 2 units, which is below 2^15 up to 255
  /// iterations.
  package static func offsets(iterations: Int) -> OffsetType {
    iterations <= 255 ? .counted : .float32
  }

  /// Goes on to the next iteration.
  package mutating func advance() {
    rate *= Float(1 - 1 / Double(iterations - iteration))
    iteration += 1
  }
}
