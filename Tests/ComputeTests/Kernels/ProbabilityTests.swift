import CKernels
import Foundation
import Recordings
import TestSupport
import Testing

@Suite(.oneAtATime) struct ProbabilityTests {
  static let widths = RowKernelTests.widths + [1023, 1024, 1025, 150_001]

  private func logSumExp(_ x: [Float]) -> Double {
    let maximum = Double(x.max() ?? 0)
    return maximum + log(x.reduce(0) { $0 + exp(Double($1) - maximum) })
  }

  @Test(arguments: widths, [(1, 0), (10, -300), (3, 1000)] as [(Float, Float)])
  func logSumExpMeetsDoublePrecision(columns: Int, numbers: (deviation: Float, shift: Float)) {
    var generator = SeededGenerator(seed: UInt64(columns))
    let x = generator.normal(columns, deviation: numbers.deviation).map { $0 + numbers.shift }
    let expected = logSumExp(x)
    forEachInstructionSet { name in
      expectClose(ck_log_sum_exp(x, columns), expected, Tolerance(absolute: 1e-6), name)
    }
  }

  @Test(arguments: widths) func divergenceMeetsDoublePrecision(columns: Int) {
    var generator = SeededGenerator(seed: UInt64(columns))
    let x = generator.normal(columns, deviation: 4)
    for difference: Float in [0.01, 0.3, 5] {
      let y = zip(x, generator.normal(columns, deviation: difference)).map { $0 + $1 }
      let (xLog, yLog) = (logSumExp(x), logSumExp(y))
      let expected = zip(x, y).reduce(0) {
        let (p, q) = (Double($1.0) - xLog, Double($1.1) - yLog)
        return $0 + exp(p) * (p - q)
      }
      forEachInstructionSet { name in
        // Logarithms of probabilities are f32, here as large as 40: half a unit is 2e-6.
        expectClose(
          ck_kl_divergence(x, y, columns), expected, Tolerance(absolute: 2e-6, relative: 2e-6),
          "\(difference), \(name)")
      }
    }
  }

  @Test func divergenceOfTheSameRowIsNothing() {
    var generator = SeededGenerator(seed: 3)
    let x = generator.normal(5000, deviation: 6)
    forEachInstructionSet { _ in
      #expect(ck_kl_divergence(x, x, x.count) == 0)
      #expect(ck_kl_divergence([4], [-3], 1) == 0)
    }
  }

  /// A row that is broken must not look like one that is right.
  @Test func notANumberStaysOne() {
    let good: [Float] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    var bad = good
    bad[6] = .nan
    forEachInstructionSet { name in
      #expect(ck_log_sum_exp(bad, 10).isNaN, "\(name)")
      #expect(ck_kl_divergence(bad, good, 10).isNaN, "\(name)")
      #expect(ck_kl_divergence(good, bad, 10).isNaN, "\(name)")
    }
  }

  @Test func logitsFarApartOrMinusInfinity() {
    forEachInstructionSet { name in
      expectClose(
        ck_log_sum_exp([-.infinity, 3, -.infinity, 3], 4), 3 + log(2.0),
        Tolerance(absolute: 1e-6), name)
      expectClose(ck_log_sum_exp([-1e30, 1e4, 0], 3), 1e4, Tolerance(absolute: 1e-6), name)
    }
  }

  @Test(arguments: widths) func theFirstOfTheLargest(columns: Int) {
    var generator = SeededGenerator(seed: UInt64(columns))
    for _ in 0..<5 {
      var x = generator.normal(columns)
      let places = (0..<3).map { _ in generator.below(columns) }
      for place in places { x[place] = 100 }
      #expect(ck_largest(x, columns) == places.min())
    }
    #expect(ck_largest([Float](repeating: -.infinity, count: columns), columns) == 0)
  }
}
