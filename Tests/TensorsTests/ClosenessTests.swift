import TestSupport
import Testing

/// The comparison that other tests rely on has to be able to fail.
@Suite struct ClosenessTests {
  @Test func findsTheWorstElementAndItsPlace() throws {
    let expected: [Float] = [1, 2, 3, 4, 5, 6]
    let closeness = Closeness(
      [1, 2.05, 3, 4, 5.5, 6] as [Float], expected, Tolerance(absolute: 0.1))
    #expect(closeness.mismatchCount == 1)
    #expect(closeness.worst?.index == 4)
    let report = try #require(closeness.report(shape: [2, 3]))
    #expect(report.contains("[1, 1]"))
    #expect(Closeness(expected, expected, .exact).report(shape: [6]) == nil)
  }

  @Test func allowancesAddUp() {
    let expected = [0.0, 10, 100]
    func mismatches(_ actual: [Double], _ tolerance: Tolerance) -> Int {
      Closeness(actual, expected, tolerance).mismatchCount
    }
    #expect(mismatches([0.5, 10.5, 100.5], Tolerance(absolute: 0.4)) == 3)
    #expect(mismatches([0.5, 10.5, 100.5], Tolerance(relative: 0.06)) == 1)
    #expect(mismatches([0.5, 10.5, 100.5], Tolerance(ofLargest: 0.006)) == 0)
    #expect(mismatches([0.5, 10.5, 100.5], Tolerance(absolute: 0.45, ofLargest: 0.001)) == 0)
  }

  @Test func onlyEqualNonFiniteNumbersMatch() {
    let wide = Tolerance(absolute: 1e30, relative: 1)
    #expect(Closeness([.nan, .infinity], [.nan, Double.infinity], .exact).mismatchCount == 0)
    #expect(Closeness([.nan, 1, -.infinity], [1, Double.nan, .infinity], wide).mismatchCount == 3)
    #expect(Closeness([Double.infinity], [1], wide).worst?.index == 0)
  }

  @Test func issuesAreRecordedForShapesAndElements() {
    withKnownIssue { expectClose([1.0, 2], [1.0], .exact) }
    withKnownIssue { expectClose(1.0, 2.0, Tolerance(absolute: 0.5)) }
    expectClose(1.0, 1.4, Tolerance(absolute: 0.5))
  }

  @Test func seededNumbersNeverChange() {
    var generator = SeededGenerator(seed: 1_234_567)
    #expect(generator.next() == 6_457_827_717_110_365_317)
    #expect(generator.next() == 3_203_168_211_198_807_973)
    let numbers = generator.normal(10_000, deviation: 2)
    let mean = numbers.reduce(0, +) / 10_000
    let variance = numbers.reduce(0) { $0 + $1 * $1 } / 10_000
    #expect(abs(mean) < 0.1 && abs(variance - 4) < 0.3)
  }
}
