import JSONText

/// How far tuning may have moved a weight, in units of its scale, before it was rounded.
///
/// The rate of step `i` of `T` is `first * (1 - i/T)`, so that the steps before the last move an offset by at
/// most `first * ((T + 1)/2 - 1/T)`. The first rate is `1/T` unless it was chosen, and `2/T` for weights of at
/// most 3 bits from 1000 steps on.
package struct TuningReach: Sendable {
  private let iterations: Int
  private let learningRate: Double?

  /// - Parameters:
  ///   - iterations: Steps of tuning; 0 for unknown.
  ///   - learningRate: The first rate; nil for one over the steps.
  package init(iterations: Int, learningRate: Double?) {
    (self.iterations, self.learningRate) = (iterations, learningRate)
  }

  /// Reads what `quantization_report.json` says of the run.
  init(record: JSONValue?) {
    self.init(
      iterations: record?["run"]?["iterations"]?.intValue ?? 0,
      learningRate: record?["run"]?["learning_rate"]?.stringValue.flatMap(Double.init))
  }

  /// The reach for weights of so many bits; that of any number of steps where the run is not known.
  func units(bitCount: Int) -> Double {
    // The largest with the usual rate, that of four steps.
    let usual = 0.5625
    guard iterations > 0 else { return usual }
    let count = Double(iterations)
    let first = learningRate ?? (iterations >= 1000 && bitCount <= 3 ? 2 : 1) / count
    let reach = first * ((count + 1) / 2 - 1 / count)
    return reach.isFinite ? max(reach, usual) : usual
  }
}
