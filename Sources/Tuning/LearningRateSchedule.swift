/// A learning rate that falls linearly to zero over the iterations.
///
/// Rate i is `initial * (1 - i / T)`. It is computed as the reference computes it, each rate from the one
/// before by a factor rounded to f32, so that rates agree to the last bit.
package struct LearningRateSchedule {
  /// The rate of the current iteration.
  package private(set) var rate: Float
  private let iterations: Int
  private var iteration = 0

  package init(initial: Float, iterations: Int) {
    rate = initial
    self.iterations = iterations
  }

  /// Goes on to the next iteration.
  package mutating func advance() {
    rate *= Float(1 - 1 / Double(iterations - iteration))
    iteration += 1
  }
}
