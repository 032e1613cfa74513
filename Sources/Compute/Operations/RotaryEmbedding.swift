import Foundation

/// What the rotary embedding of one kind of layer needs: a table of angles.
package struct RotaryTable: Hashable, Sendable {
  /// Channels of a head that are rotated.
  package let rotated: Int
  /// Positions that the table covers.
  package let positions: Int
  let cosines: [Float]
  let sines: [Float]

  /// Angles `position * frequency`, computed in f64 and rounded once.
  ///
  /// - Parameters:
  ///   - inverseFrequencies: One for each pair of channels, in radians for each position.
  ///   - factor: Factor on cosines and sines.
  package init(inverseFrequencies: [Double], factor: Double, positions: Int) {
    rotated = inverseFrequencies.count * 2
    self.positions = positions
    let angles = (0..<positions).flatMap { position in
      inverseFrequencies.map { Double(position) * $0 }
    }
    cosines = angles.map { Float(cos($0) * factor) }
    sines = angles.map { Float(sin($0) * factor) }
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
  /// That of the norm, if there is one.
  package var epsilon: Float?
  package var table: RotaryTable
}

extension ProgramRecorder {
  /// Records the embedding of the heads in `x`; its columns are heads of `headSize` channels.
  package mutating func rotary(
    _ x: Operand, headSize: Int, norm: (weight: Parameter, epsilon: Float)?, table: RotaryTable
  ) -> Value {
    precondition(x.columns % headSize == 0 && table.rotated <= headSize)
    precondition(table.positions >= positions)
    let y = value(columns: x.columns)
    let inverse = norm == nil ? nil : value(columns: x.columns / headSize, type: .float32)
    return append(
      Node(
        operation: .rotary(
          RotaryEmbedding(headSize: headSize, epsilon: norm?.epsilon, table: table)),
        inputs: [x], outputs: [y] + (inverse.map { [$0] } ?? []),
        saved: inverse.map { [x.value, $0] } ?? [], parameters: norm.map { [$0.weight] } ?? []))
  }
}
