import Foundation

/// What the rotary embedding of one kind of layer needs: a table of angles.
package struct RotaryTable: Hashable, Sendable {
  /// Channels of a head that are rotated.
  package let rotated: Int
  /// Positions that the table covers.
  package let positions: Int
  package let cosines: [Float]
  package let sines: [Float]

  /// Angles `position * frequency`, computed in f64 and rounded once.
  ///
  /// - Parameters:
  ///   - inverseFrequencies: One for each pair of channels, in radians for each position.
  ///   - factor: Factor on cosines and sines at a position.
  package init(
    inverseFrequencies: [Double], positions: Int, factor: (_ position: Int) -> Double
  ) {
    rotated = inverseFrequencies.count * 2
    self.positions = positions
    let angles = (0..<positions).flatMap { position in
      let factor = factor(position)
      return inverseFrequencies.map { (angle: Double(position) * $0, factor: factor) }
    }
    cosines = angles.map { Float(cos($0.angle) * $0.factor) }
    sines = angles.map { Float(sin($0.angle) * $0.factor) }
  }

  /// Cosine and sine of a pair of channels at a position.
  package func angle(position: Int, pair: Int) -> (cosine: Float, sine: Float) {
    let index = position * rotated / 2 + pair
    return (cosines[index], sines[index])
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(rotated)
    hasher.combine(positions)
  }
}

/// The rotary position embedding of queries or keys, after an optional norm of each head.
package struct RotaryEmbedding: Hashable, Sendable {
  package var headSize: Int
  /// The first channel of a head that is rotated.
  package var firstChannel = 0
  package var pairing = Pairing.halves
  /// That of the norm, if there is one.
  package var epsilon: Float?
  package var table: RotaryTable

  /// Which channels are rotated together.
  package enum Pairing: Hashable, Sendable {
    /// Channel k with k + half of those that are rotated.
    case halves
    /// Channel 2k with 2k + 1.
    case neighbours
  }

  package init(
    headSize: Int, firstChannel: Int = 0, pairing: Pairing = .halves, epsilon: Float? = nil,
    table: RotaryTable
  ) {
    self.headSize = headSize
    self.firstChannel = firstChannel
    self.pairing = pairing
    self.epsilon = epsilon
    self.table = table
  }
}

extension ProgramRecorder {
  /// Records the embedding of the heads in `x`; its columns are heads.
  ///
  /// - Parameter normWeight: The weight of each head's norm, if the embedding has one.
  package mutating func rotary(
    _ x: Operand, _ embedding: RotaryEmbedding, normWeight: Parameter? = nil
  ) -> Value {
    let headSize = embedding.headSize
    precondition(x.columns % headSize == 0)
    precondition(embedding.firstChannel + embedding.table.rotated <= headSize)
    precondition(embedding.table.positions >= positions)
    precondition((normWeight == nil) == (embedding.epsilon == nil))
    let y = value(columns: x.columns)
    let inverse = normWeight.map { _ in value(columns: x.columns / headSize, type: .float32) }
    return append(
      Node(
        operation: .rotary(embedding), inputs: [x], outputs: [y] + (inverse.map { [$0] } ?? []),
        saved: inverse.map { [x.value, $0] } ?? [], parameters: normWeight.map { [$0] } ?? []))
  }
}
