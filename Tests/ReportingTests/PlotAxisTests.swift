import Reporting
import Testing

@Suite struct PlotAxisTests {
  @Test func beginsAtZeroWhereNumbersAreNear() {
    let axis = PlotAxis.errors([0.0031, 0.012])
    #expect(axis.ticks.map(\.text) == ["0", "0.005", "0.01", "0.015"])
    #expect(!axis.isLogarithmic)
    #expect(axis.place(0) == 0)
    #expect(axis.place(0.015) == 1)
    #expect(abs(axis.place(0.006) - 0.4) < 1e-12)
  }

  @Test func isLogarithmicWhereNumbersAreFarApart() {
    let axis = PlotAxis.errors([3e-7, 0.25])
    #expect(axis.isLogarithmic)
    #expect(
      axis.ticks.map(\.text) == ["1e-07", "1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"])
    #expect(abs(axis.place(1e-7 * 1e3) - 3.0 / 7) < 1e-9)
  }

  @Test func writesWhatLiesBetweenFewPowers() {
    let axis = PlotAxis.errors([0.03, 1.5])
    #expect(axis.ticks.map(\.text) == ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"])
    #expect(axis.place(0.02) == 0 && axis.place(2) == 1)
  }

  /// What no chart can show stands at its edges.
  @Test(
    arguments: [
      [], [0], [0, 0.5], [.nan, 1], [.infinity, 2], [.leastNonzeroMagnitude, 1], [1e300, 1e-300],
      [-1, 1],
    ] as [[Double]])
  func hasPlacesForAll(_ values: [Double]) {
    let axis = PlotAxis.errors(values)
    #expect(!axis.ticks.isEmpty && axis.ticks.count < 20)
    for value in values + [.nan, .infinity, -.infinity, -1, 0] {
      #expect((0...1).contains(axis.place(value)), "\(value)")
    }
  }

  @Test func countsHaveZero() {
    let axis = PlotAxis.counts(to: 2_500)
    #expect(axis.ticks.map(\.text) == ["0", "1", "10", "100", "1,000", "10,000"])
    #expect(axis.place(0) == 0 && axis.place(10_000) == 1)
    #expect(axis.place(1) > 0 && axis.place(1) < axis.place(2))
    #expect(PlotAxis.counts(to: 0).ticks.map(\.text) == ["0", "1"])
    #expect(PlotAxis.counts(to: .max).ticks.count < 21)
  }

  @Test func positionsBeginAtOne() {
    let axis = PlotAxis.positions(511)
    #expect(axis.ticks.map(\.text) == ["100", "200", "300", "400", "500"])
    #expect(axis.place(1) == 0 && axis.place(511) == 1)
    #expect(PlotAxis.positions(1).ticks.map(\.text) == ["1"])
  }
}
