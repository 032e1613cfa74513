/// How each query of an attention chooses the keys that it sees.
package struct KeySelection: Hashable, Sendable {
  /// Heads of the queries; all have the same keys.
  package var headCount: Int
  package var headSize: Int
  /// Keys that a query sees at most.
  package var count: Int

  package init(headCount: Int, headSize: Int, count: Int) {
    precondition(headCount > 0 && headSize > 0 && count > 0)
    (self.headCount, self.headSize, self.count) = (headCount, headSize, count)
  }
}

/// Which keys the queries of a batch see: a row of bits for each query, from the sequence's first key on, in words of 32
/// bits in a value of a program.
package struct KeyChoice: Hashable, Sendable {
  package let value: Value

  /// How many words have the bits of so many keys.
  package static func words(keys: Int) -> Int { (keys + 31) / 32 }
}

extension ProgramRecorder {
  /// Records the choice of keys: query t sees those keys s up to its own, at most `selection.count` of them, for which
  ///
  ///     a[t, s] = sum over heads of weights[t, head] * max(0, query[t, head] . key[s])
  ///
  /// is largest, the earlier of equals; a score that is not a number comes last. Nothing of it has a gradient. Keys are
  /// a state of the sequence.
  ///
  /// Source: DeepSeek-V3.2, the lightning indexer. Factors that are the same for all keys are left out.
  package mutating func keySelection(
    query: Value, key: Value, weights: Value, _ selection: KeySelection
  ) -> KeyChoice {
    precondition(columns(of: query) == selection.headCount * selection.headSize)
    precondition(columns(of: key) == selection.headSize)
    precondition(columns(of: weights) == selection.headCount)
    let choice = value(columns: KeyChoice.words(keys: positions), type: .float32)
    let state = state(.rows(columns: selection.headSize))
    return KeyChoice(
      value: append(
        Node(
          operation: .keySelection(selection), inputs: [], reads: [query, key, weights],
          outputs: [choice], state: state)))
  }
}
