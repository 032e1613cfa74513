package import Recordings

/// What chooses the keys that each query of an attention sees, by a small attention of its own without a softmax.
package struct KeyIndexer: Hashable, Sendable {
  /// The layer whose outputs are its queries.
  package var query: LayerSlot
  /// Its keys, which all heads share.
  package var key: LayerSlot
  package var keyNorm: NormSlot
  /// For each head how much it counts.
  package var weights: LayerSlot
  package var selection: KeySelection

  package init(
    query: LayerSlot, key: LayerSlot, keyNorm: NormSlot, weights: LayerSlot,
    selection: KeySelection
  ) {
    self.query = query
    self.key = key
    self.keyNorm = keyNorm
    self.weights = weights
    self.selection = selection
  }

  /// - Parameters:
  ///   - x: What keys and weights are made of.
  ///   - queries: What queries are made of.
  ///   - rotary: The attention's, of which the first channels of each head have the angles in halves.
  func record(
    _ x: Value, queries: Value, rotary: RotarySettings?, in recorder: inout BlockRecorder
  ) -> KeyChoice {
    let query = recorder.linear([query], queries)
    let projected = recorder.linear([key], x)
    let key = recorder.norm(keyNorm, projected)
    let weights = recorder.linear([weights], x)
    func placed(_ x: Value, ofQueries: Bool) -> Value {
      guard let rotary else { return x }
      return recorder.operations.rotary(
        recorder.operations.operand(x),
        RotaryEmbedding(
          headSize: selection.headSize,
          table: rotary.table(positions: recorder.operations.positions, ofQueries: ofQueries)))
    }
    let (turnedQuery, turnedKey) = (placed(query, ofQueries: true), placed(key, ofQueries: false))
    return recorder.operations.keySelection(
      query: turnedQuery, key: turnedKey, weights: weights, selection)
  }
}
