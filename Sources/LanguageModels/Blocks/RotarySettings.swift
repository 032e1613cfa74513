import Foundation
package import Recordings

/// The rotary position embedding as a configuration describes it.
package struct RotarySettings: Hashable, Sendable {
  /// Radians for each position, one for each pair of channels.
  package var inverseFrequencies: [Double]
  /// Those of sequences that are longer than the model was first trained for, where there are others.
  package var longRange: LongRange?
  /// Factor on cosines and sines.
  package var factor: Double = 1
  package var pairing = RotaryEmbedding.Pairing.halves
  /// How queries grow with their position.
  package var growth: QueryGrowth?

  package struct LongRange: Hashable, Sendable {
    /// Positions up to which the other frequencies hold.
    package var after: Int
    package var inverseFrequencies: [Double]

    package init(
      after: Int, inverseFrequencies: [Double]
    ) {
      self.after = after
      self.inverseFrequencies = inverseFrequencies
    }
  }

  /// A factor on queries, `1 + strength ln(1 + floor((position + shift) / period))`.
  package struct QueryGrowth: Hashable, Sendable {
    package var strength: Double
    package var period: Double
    package var shift: Double

    package init(
      strength: Double, period: Double, shift: Double
    ) {
      self.strength = strength
      self.period = period
      self.shift = shift
    }

    func factor(_ position: Int) -> Double {
      1 + strength * log(1 + ((Double(position) + shift) / period).rounded(.down))
    }
  }

  /// Frequencies that turn nothing, where only ``growth`` counts.
  package init(withoutRotation channels: Int, growth: QueryGrowth) {
    inverseFrequencies = Array(repeating: 0, count: channels / 2)
    self.growth = growth
  }

  package init(inverseFrequencies: [Double]) { self.inverseFrequencies = inverseFrequencies }

  /// A table of angles for positions `0 ..< positions`, of queries or of keys.
  package func table(positions: Int, ofQueries: Bool) -> RotaryTable {
    var frequencies = inverseFrequencies
    if let longRange, positions > longRange.after { frequencies = longRange.inverseFrequencies }
    return RotaryTable(inverseFrequencies: frequencies, positions: positions) { position in
      ofQueries ? factor * (growth?.factor(position) ?? 1) : factor
    }
  }
}
