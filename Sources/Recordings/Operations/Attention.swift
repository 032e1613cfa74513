/// Heads of an attention layer, and what becomes of their scores.
package struct AttentionShape: Hashable, Sendable {
  package var headCount: Int
  /// Query head `h` reads key-value head `h / headsOfGroup`.
  package var keyValueHeadCount: Int
  /// Channels of a head of queries and keys.
  package var headSize: Int
  /// Channels of a head of values.
  package var valueSize: Int
  /// Factor on the scores.
  package var scale: Float
  package var visible: VisibleKeys
  /// A bound `c` that scores come close to, `c tanh(s / c)`; nil: none.
  package var cap: Float?
  /// For each head what is added to a score for each position from the query to the key, which comes before it (ALiBi);
  /// empty: nothing.
  package var slopes: [Float] = []
  /// Whether each head has a sink: a score without a key, which takes its share of the weights.
  package var hasSinks = false

  /// The keys that a query sees, besides those after it.
  package enum VisibleKeys: Hashable, Sendable {
    case all
    /// So many up to the query, itself included.
    case window(Int)
    /// Those of its own chunk of so many positions.
    case chunk(Int)

    /// The first one.
    package func first(query: Int) -> Int {
      switch self {
      case .all: 0
      case .window(let count): max(0, query + 1 - count)
      case .chunk(let count): query / count * count
      }
    }
  }

  package init(
    headCount: Int, keyValueHeadCount: Int, headSize: Int, valueSize: Int? = nil, scale: Float,
    visible: VisibleKeys = .all
  ) {
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.valueSize = valueSize ?? headSize
    self.scale = scale
    self.visible = visible
  }

  /// Query heads that share keys and values.
  package var headsOfGroup: Int { headCount / keyValueHeadCount }
  /// Whether scores are more than products with a factor.
  package var bendsScores: Bool { cap != nil || !slopes.isEmpty }
}

extension ProgramRecorder {
  /// Records causal attention with grouped query heads, `softmax(scale q k^T) v` for each head; columns of the
  /// operands are heads. What else `shape` asks for is done to the scores before the softmax.
  ///
  /// Keys and values are a state of the sequence.
  ///
  /// - Parameters:
  ///   - sinks: A score for each head, if `shape` has sinks.
  ///   - choice: The keys that each query sees, of those that `shape` lets it see; nil: all of them.
  package mutating func attention(
    query: Operand, key: Operand, value: Operand, shape: AttentionShape, sinks: Parameter? = nil,
    choice: KeyChoice? = nil
  ) -> Value {
    precondition(query.columns == shape.headCount * shape.headSize)
    precondition(key.columns == shape.keyValueHeadCount * shape.headSize)
    precondition(value.columns == shape.keyValueHeadCount * shape.valueSize)
    precondition(shape.headCount % shape.keyValueHeadCount == 0)
    precondition(shape.slopes.isEmpty || shape.slopes.count == shape.headCount)
    precondition((sinks != nil) == shape.hasSinks)
    precondition(choice == nil || shape.cap == nil && shape.visible == .all)
    let y = self.value(columns: shape.headCount * shape.valueSize)
    let logSum = self.value(columns: shape.headCount, type: .float32)
    let state = state(.keysAndValues(keyColumns: key.columns, valueColumns: value.columns))
    return append(
      Node(
        operation: .attention(shape), inputs: [query, key, value],
        reads: choice.map { [$0.value] } ?? [], outputs: [y, logSum],
        saved: [query.value, key.value, value.value, y, logSum]
          + (choice.map { [$0.value] } ?? []),
        parameters: sinks.map { [$0] } ?? [], state: state))
  }
}
