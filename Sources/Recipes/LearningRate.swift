/// The learning rate that tuning starts with, in steps of the quantized grid for the rounding
/// offsets and in fractions of the range for the two range scales. It falls to zero linearly.
public enum LearningRate: Sendable, Equatable, CustomStringConvertible {
  /// One over the number of iterations, so that an offset can move by half a step in all; twice as
  /// much for layers of 3 bits and fewer when there are 1000 iterations or more.
  case automatic
  /// This number for all layers.
  case fixed(Double)

  /// The rate for a layer.
  ///
  /// ```
  /// automatic: (iterations >= 1000 and bitCount <= 3 ? 2 : 1) / iterations
  /// ```
  ///
  /// - Parameters:
  ///   - bitCount: Bits per weight of the layer.
  ///   - iterations: Steps of tuning. With none the rate is zero.
  public func value(bitCount: Int, iterations: Int) -> Double {
    switch self {
    case .fixed(let value): value
    case .automatic where iterations <= 0: 0
    case .automatic: (iterations >= 1000 && bitCount <= 3 ? 2 : 1) / Double(iterations)
    }
  }

  /// The rate that was chosen for all layers; nil for none.
  package var fixedValue: Double? { if case .fixed(let value) = self { value } else { nil } }

  /// `1/iterations`, or the number.
  public var description: String {
    switch self {
    case .automatic: "1/iterations"
    case .fixed(let value): "\(value)"
    }
  }
}
