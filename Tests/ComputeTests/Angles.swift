import Foundation
import Recordings

/// Angles of a rotary embedding, before they are put into a table.
package struct Angles {
  var inverseFrequencies: [Double]
  var factor: Double

  /// Frequencies as language models have them: powers of `base` from 1 downwards.
  init(rotated: Int, base: Double = 100, factor: Double = 1) {
    inverseFrequencies = (0..<rotated / 2).map { pow(base, -2 * Double($0) / Double(rotated)) }
    self.factor = factor
  }

  func table(positions: Int) -> RotaryTable {
    RotaryTable(inverseFrequencies: inverseFrequencies, positions: positions) { _ in factor }
  }

  /// Those of a pair at a position, in f64.
  func angle(_ position: Int, _ k: Int) -> (cosine: Double, sine: Double) {
    let angle = Double(position) * inverseFrequencies[k]
    return (cos(angle) * factor, sin(angle) * factor)
  }
}
