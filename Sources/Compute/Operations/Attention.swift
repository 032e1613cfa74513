/// Heads and scale of an attention layer.
package struct AttentionShape: Hashable, Sendable {
  package var headCount: Int
  /// Query head `h` reads key-value head `h / headsOfGroup`.
  package var keyValueHeadCount: Int
  package var headSize: Int
  /// Factor on the scores.
  package var scale: Float
  /// Keys that a query sees, itself included; nil: all before it.
  package var window: Int?

  package init(
    headCount: Int, keyValueHeadCount: Int, headSize: Int, scale: Float, window: Int?
  ) {
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.scale = scale
    self.window = window
  }

  /// Query heads that share keys and values.
  package var headsOfGroup: Int { headCount / keyValueHeadCount }
}

extension ProgramRecorder {
  /// Records causal attention with grouped query heads and an optional sliding window,
  /// `softmax(scale q k^T) v` for each head; columns of the operands are heads.
  ///
  /// Keys and values are a state of the sequence.
  package mutating func attention(
    query: Operand, key: Operand, value: Operand, shape: AttentionShape
  ) -> Value {
    precondition(query.columns == shape.headCount * shape.headSize)
    precondition(key.columns == shape.keyValueHeadCount * shape.headSize)
    precondition(value.columns == key.columns)
    precondition(shape.headCount % shape.keyValueHeadCount == 0)
    let y = self.value(columns: query.columns)
    let logSum = self.value(columns: shape.headCount, type: .float32)
    let state = state(.keysAndValues(keyColumns: key.columns, valueColumns: value.columns))
    return append(
      Node(
        operation: .attention(shape), inputs: [query, key, value], outputs: [y, logSum],
        saved: [query.value, key.value, value.value, y, logSum], state: state))
  }
}
