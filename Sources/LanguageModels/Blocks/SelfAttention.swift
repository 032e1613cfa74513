package import Compute

/// Attention with rotary embeddings and grouped query heads. Query, key and value projections run as one product,
/// because they read the same input.
package struct SelfAttention: Hashable, Sendable {
  /// The module's name inside the block.
  package var module: String
  package var query: LayerSlot
  package var key: LayerSlot
  package var value: LayerSlot
  package var output: LayerSlot
  /// The norms of each head of queries and keys, before the rotation.
  package var queryNorm: NormSlot?
  package var keyNorm: NormSlot?
  package var rotary: RotarySettings
  package var shape: AttentionShape

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let projected = recorder.linear([query, key, value], x)
    let table = rotary.table(positions: recorder.operations.positions)
    func rotated(_ columns: Range<Int>, _ norm: NormSlot?) -> Operand {
      let head = norm.map { (weight: recorder.weight(of: $0), epsilon: $0.epsilon) }
      let x = recorder.operations.operand(projected, columns: columns)
      let y = recorder.operations.rotary(x, headSize: shape.headSize, norm: head, table: table)
      return recorder.operations.operand(y)
    }
    let (keys, values) = (query.outputs, query.outputs + key.outputs)
    let queries = rotated(0..<keys, queryNorm)
    let mixed = recorder.attention(
      module, query: queries, key: rotated(keys..<values, keyNorm),
      value: recorder.operations.operand(projected, columns: values..<values + value.outputs),
      shape: shape)
    return recorder.linear([output], mixed)
  }
}
