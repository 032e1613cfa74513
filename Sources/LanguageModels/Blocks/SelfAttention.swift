package import Recordings

/// Attention with grouped query heads. The projections run as one product, because they read the same input.
package struct SelfAttention: Hashable, Sendable {
  /// The module's name inside the block.
  package var module: String
  /// The layers whose outputs, side by side, hold queries, keys and values.
  package var projections: [LayerSlot]
  package var arrangement = Arrangement.parts
  package var output: LayerSlot
  /// The norms of queries and keys: of each head, or of all together.
  package var queryNorm: NormSlot?
  package var keyNorm: NormSlot?
  /// Whether these come after the rotation.
  package var normsAfterRotation = false
  /// That of values, which nothing turns.
  package var valueNorm: NormSlot?
  /// A bound for queries, keys and values, after their norms.
  package var bound: Float?
  /// Factor on the keys.
  package var keyFactor: Float = 1
  /// Nil: positions do not turn queries and keys.
  package var rotary: RotarySettings?
  package var shape: AttentionShape
  /// A score for each head without a key.
  package var sinks: StoredMatrix?
  /// Whether it reads keys and values that a block before has made, in the place of its own; what it has of keys and
  /// values then means nothing.
  package var readsCarried = false
  /// Where its finished keys and values are carried to, or come from.
  package var carriedKeys: CarriedColumns?
  package var carriedValues: CarriedColumns?

  package init(
    module: String, projections: [LayerSlot], arrangement: Arrangement = .parts, output: LayerSlot,
    queryNorm: NormSlot? = nil, keyNorm: NormSlot? = nil, normsAfterRotation: Bool = false,
    bound: Float? = nil, keyFactor: Float = 1, rotary: RotarySettings? = nil, shape: AttentionShape,
    sinks: StoredMatrix? = nil
  ) {
    self.module = module
    self.projections = projections
    self.arrangement = arrangement
    self.output = output
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
    self.normsAfterRotation = normsAfterRotation
    self.bound = bound
    self.keyFactor = keyFactor
    self.rotary = rotary
    self.shape = shape
    self.sinks = sinks
  }

  /// How queries, keys and values lie in what the projections give.
  package enum Arrangement: Hashable, Sendable {
    /// All queries, all keys, all values.
    case parts
    /// For each key-value head its queries, its key, its value.
    case groups
    /// For each head its query and its gate; then all keys, all values. The sigmoid of a gate is a factor on what its
    /// head answers.
    case gatedQueries
    /// All queries, then all keys, which are the values too before they have a norm and a position.
    case valuesOfKeys
  }

  private var queries: Range<Int> { 0..<shape.headCount * shape.headSize }
  private var keys: Range<Int> {
    queries.upperBound..<queries.upperBound + shape.keyValueHeadCount * shape.headSize
  }
  private var values: Range<Int> {
    guard arrangement != .valuesOfKeys else { return keys }
    return keys.upperBound..<keys.upperBound + shape.keyValueHeadCount * shape.valueSize
  }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let projected = arranged(recorder.linear(projections, x), in: &recorder)
    let query = placed(projected, queries, queryNorm, factors: true, in: &recorder)
    let (key, value) = keyAndValue(projected, in: &recorder)
    let sinks = sinks.map { recorder.vector($0, count: shape.headCount) }
    var mixed = recorder.attention(
      module, query: query, key: key, value: value, shape: shape, sinks: sinks)
    if arrangement == .gatedQueries {
      let gates = recorder.operations.operand(
        projected, columns: values.upperBound..<values.upperBound + queries.count)
      mixed = recorder.operations.gate(.sigmoid, gates, recorder.operations.operand(mixed))
    }
    return recorder.linear([output], mixed)
  }

  private func keyAndValue(
    _ projected: Value, in recorder: inout BlockRecorder
  ) -> (key: Operand, value: Operand) {
    if readsCarried, let carriedKeys, let carriedValues {
      let key = recorder.carried(carriedKeys)
      return (key, recorder.carried(carriedValues))
    }
    let key = placed(projected, keys, keyNorm, factors: false, in: &recorder)
    let value = bounded(
      normed(
        recorder.operations.operand(projected, columns: values), valueNorm, in: &recorder),
      in: &recorder)
    if let carriedKeys { recorder.carry(key, as: carriedKeys) }
    if let carriedValues { recorder.carry(value, as: carriedValues) }
    return (key, value)
  }

  /// All queries, then all keys, then all values, then all gates.
  private func arranged(_ projected: Value, in recorder: inout BlockRecorder) -> Value {
    switch arrangement {
    case .parts, .valuesOfKeys: projected
    case .groups: withoutGroups(projected, in: &recorder)
    case .gatedQueries: withoutGates(projected, in: &recorder)
    }
  }

  private func withoutGates(_ projected: Value, in recorder: inout BlockRecorder) -> Value {
    let d = shape.headSize
    func heads(_ offset: Int) -> [Operand] {
      (0..<shape.headCount).map {
        let first = (2 * $0 + offset) * d
        return recorder.operations.operand(projected, columns: first..<first + d)
      }
    }
    let (first, rest) = (2 * queries.count, keys.count + values.count)
    let others = recorder.operations.operand(projected, columns: first..<first + rest)
    return recorder.operations.juxtaposed(heads(0) + [others] + heads(1))
  }

  private func withoutGroups(_ projected: Value, in recorder: inout BlockRecorder) -> Value {
    let (d, ofGroup) = (shape.headSize, shape.headsOfGroup)
    let size = (ofGroup + 1) * d + shape.valueSize
    func parts(_ offset: Int, _ columns: Int) -> [Operand] {
      (0..<shape.keyValueHeadCount).map {
        let first = $0 * size + offset
        return recorder.operations.operand(projected, columns: first..<first + columns)
      }
    }
    return recorder.operations.juxtaposed(
      parts(0, ofGroup * d) + parts(ofGroup * d, d) + parts((ofGroup + 1) * d, shape.valueSize))
  }

  /// Queries or keys with their norm and their position.
  private func placed(
    _ projected: Value, _ columns: Range<Int>, _ norm: NormSlot?, factors: Bool,
    in recorder: inout BlockRecorder
  ) -> Operand {
    var x = recorder.operations.operand(projected, columns: columns)
    if columns == keys { x = recorder.scaled(x, by: keyFactor) }
    guard let rotary else { return bounded(normed(x, norm, in: &recorder), in: &recorder) }
    let table = rotary.table(positions: recorder.operations.positions, ofQueries: factors)
    var embedding = RotaryEmbedding(
      headSize: shape.headSize, pairing: rotary.pairing, table: table)
    var weight: Parameter?
    if let norm, !normsAfterRotation {
      if norm.isOfHeads(shape.headSize), bound == nil {
        embedding.epsilon = norm.kind.epsilon
        weight = recorder.weight(of: norm)
      } else {
        x = normed(x, norm, in: &recorder)
      }
    }
    x = bounded(x, in: &recorder)
    let turned = recorder.operations.rotary(x, embedding, normWeight: weight)
    let y = recorder.operations.operand(turned)
    return normsAfterRotation ? normed(y, norm, in: &recorder) : y
  }

  private func normed(_ x: Operand, _ norm: NormSlot?, in recorder: inout BlockRecorder) -> Operand
  {
    guard let norm else { return x }
    let y = recorder.norm(norm, x)
    return recorder.operations.operand(y)
  }

  private func bounded(_ x: Operand, in recorder: inout BlockRecorder) -> Operand {
    guard let bound else { return x }
    let y = recorder.operations.map(.clamped(bound), x)
    return recorder.operations.operand(y)
  }
}
