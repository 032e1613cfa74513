import Compute
package import Recordings

/// The keys that queries see, of an operation that chooses them and of one that keeps to the choice.
extension ReferenceKernel {
  func choose(_ selection: KeySelection, in program: Program) {
    let inputs = step.node.reads.map {
      load(
        program[range: $0], rows: step.recording.rows(of: $0), columns: step.columns(of: $0),
        stride: step.columns(of: $0), step.compute)
    }
    var (keys, before) = (inputs[1], 0)
    if let sequence = program.sequence, let state = step.node.state {
      before = sequence.tokenCount
      keys = appended(keys, to: sequence[state][0], after: before)
    }
    let chosen = selection.choice(
      query: inputs[0], key: keys, weights: inputs[2], tokens: step.recording.tokens,
      before: before)
    var words = [UInt32](repeating: 0, count: step.rows * step.columns(of: step.result))
    for (row, keys) in chosen.enumerated() {
      for key in keys {
        words[row * step.columns(of: step.result) + key / 32] |= 1 << UInt32(key % 32)
      }
    }
    words.withUnsafeBytes { program[range: step.result].upload($0) }
  }

  /// For each row of an attention the keys that it sees; nil: all.
  func chosen(in program: Program) -> [[Int]]? {
    guard let choice = step.node.reads.first else { return nil }
    let columns = step.columns(of: choice)
    var words = [UInt32](repeating: 0, count: step.rows * columns)
    words.withUnsafeMutableBytes { program[range: choice].download(into: $0) }
    return (0..<step.rows).map { row in
      (0..<32 * columns).filter { words[row * columns + $0 / 32] >> UInt32($0 % 32) & 1 == 1 }
    }
  }
}

extension KeySelection {
  /// For each row the keys that it sees, in ascending order, by their positions in the sequence.
  package func choice(
    query: Matrix, key: Matrix, weights: Matrix, tokens: Int, before: Int = 0
  ) -> [[Int]] {
    (0..<query.rows).map { row in
      let (first, position) = (row / tokens * (tokens + before), before + row % tokens)
      let scores = (0...position).map { other -> Float in
        var sum = 0.0
        for head in 0..<headCount {
          var product = 0.0
          for c in 0..<headSize {
            product += query[row, head * headSize + c] * key[first + other, c]
          }
          sum += weights[row, head] * max(product, 0)
        }
        return Float(sum)
      }
      return scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(count).sorted()
    }
  }
}
