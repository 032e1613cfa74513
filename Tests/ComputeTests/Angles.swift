import Compute
import Foundation
import ReferenceDevice

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
    RotaryTable(inverseFrequencies: inverseFrequencies, factor: factor, positions: positions)
  }
}

extension Tape {
  /// Rotates heads by angles in f64.
  func rotary(_ x: Node, headSize: Int, angles: Angles, tokens: Int, offset: Int = 0) -> Node {
    rotary(
      x, headSize: headSize, half: angles.inverseFrequencies.count, tokens: tokens, offset: offset
    ) { position, k in
      let angle = Double(position) * angles.inverseFrequencies[k]
      return (cos(angle) * angles.factor, sin(angle) * angles.factor)
    }
  }
}
