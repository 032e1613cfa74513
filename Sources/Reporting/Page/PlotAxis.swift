import Diagnostics
import Foundation

/// A side of a chart: where a number stands, and which numbers are written.
package struct PlotAxis {
  /// A number that is written, and how.
  package struct Tick {
    package var value: Double
    package var text: String
  }

  /// What a number's place is proportional to.
  private enum Measure { case number, logarithm, logarithmOfSuccessor }

  private let measure: Measure
  private let ends: (Double, Double)
  package let ticks: [Tick]
  /// Whether equal distances are equal ratios.
  package var isLogarithmic: Bool { measure == .logarithm }

  private init(_ measure: Measure, _ ticks: [Tick], ends: (Double, Double)? = nil) {
    (self.measure, self.ticks) = (measure, ticks)
    self.ends = ends ?? (ticks.first?.value ?? 0, ticks.last?.value ?? 1)
  }

  /// Where a number stands: from 0 at the beginning to 1 at the end.
  package func place(_ value: Double) -> Double {
    func measured(_ value: Double) -> Double {
      switch measure {
      case .number: value
      case .logarithm: log10(value)
      case .logarithmOfSuccessor: log10(value + 1)
      }
    }
    let (first, last) = (measured(ends.0), measured(ends.1))
    let share = (measured(value) - first) / (last - first)
    return share.isFinite ? min(max(share, 0), 1) : 0
  }

  /// From zero to above the largest of some numbers that are not below it.
  package static func fromZero(to values: [Double]) -> PlotAxis {
    let largest = values.filter(\.isFinite).max() ?? 0
    guard largest > 0 else { return PlotAxis(.number, [Tick(value: 0, text: "0")], ends: (0, 1)) }
    let step = roundStep(largest / 4)
    let count = max(1, Int((largest / step).rounded(.up)))
    return PlotAxis(
      .number,
      (0...count).map {
        Tick(value: Double($0) * step, text: Quantities.significant(Double($0) * step))
      })
  }

  /// For errors: by their logarithms if they are all above zero and far apart, else from zero.
  package static func errors(_ values: [Double]) -> PlotAxis {
    let finite = values.filter(\.isFinite)
    guard let least = finite.min(), let largest = finite.max(), least > 0, largest / least > 20,
      largest / least < 1e30
    else { return fromZero(to: values) }
    let exponents = Int(log10(least).rounded(.down))...Int(log10(largest).rounded(.up))
    // Where there are few powers of ten, what lies between them is written too.
    let factors: [Double] = exponents.count > 4 ? [1] : [1, 2, 5]
    var marks = exponents.flatMap { exponent in factors.map { $0 * pow(10, Double(exponent)) } }
    let first = marks.lastIndex { $0 <= least * (1 + 1e-9) } ?? 0
    let last = marks.firstIndex { $0 >= largest * (1 - 1e-9) } ?? marks.count - 1
    marks = Array(marks[first...last])
    let stride = (marks.count - 1) / 8 + 1
    let written = marks.indices.filter { $0.isMultiple(of: stride) }
    return PlotAxis(
      .logarithm,
      written.map { Tick(value: marks[$0], text: Quantities.significant(marks[$0])) },
      ends: (marks[0], marks[marks.count - 1]))
  }

  /// For counts of any size, zero among them: by the logarithms of the next ones.
  package static func counts(to largest: Int) -> PlotAxis {
    var ticks = [Tick(value: 0, text: "0")]
    var next = 1
    // All powers of ten that an integer may have.
    for _ in 0...18 {
      ticks.append(Tick(value: Double(next), text: Quantities.count(next)))
      guard next < largest, next < Int.max / 10 else { break }
      next *= 10
    }
    return PlotAxis(.logarithmOfSuccessor, ticks)
  }

  /// For places that are counted from 1 to `count`.
  package static func positions(_ count: Int) -> PlotAxis {
    let step = max(1, Int(roundStep(Double(count) / 8)))
    let inner = stride(from: step, through: count, by: step)
    return PlotAxis(
      .number, inner.map { Tick(value: Double($0), text: Quantities.count($0)) },
      ends: (1, Double(max(count, 2))))
  }

  /// The next of 1, 2, 5, 10, … and their tenths, hundredths, ….
  package static func roundStep(_ step: Double) -> Double {
    // Of a smaller one there is no power of ten.
    guard step >= .leastNormalMagnitude, step.isFinite else { return 1 }
    let unit = pow(10, log10(step).rounded(.down))
    let factor = [1, 2, 5].first { Double($0) * unit >= step * (1 - 1e-9) } ?? 10
    return Double(factor) * unit
  }
}
