package import Recordings

/// Which rows hold tokens of samples.
extension Program {
  /// Sequences that hold samples, all of their tokens.
  package var sampleCount: Int {
    get { tokenCounts.count }
    set { tokenCounts = Array(repeating: tokens, count: newValue) }
  }

  /// Whether a row is a token of a sample.
  package func isPresent(_ row: Int) -> Bool {
    let (sample, token) = row.quotientAndRemainder(dividingBy: tokens)
    return sample < tokenCounts.count && token < tokenCounts[sample]
  }

  /// The rows that are tokens of samples, neighbours in one range.
  package var presentRows: [Range<Int>] {
    var rows = RangeSet<Int>()
    for (sample, count) in tokenCounts.enumerated() {
      rows.insert(contentsOf: sample * tokens..<sample * tokens + count)
    }
    return Array(rows.ranges)
  }

  /// The rows of a value that are tokens of each sample; all rows as those of one where experts have mixed them, with
  /// zeros where no token is.
  package func rowsOfSamples(_ value: Value) -> [Range<Int>] {
    guard recording.hasRowForEachToken(value) else { return [0..<recording.rows(of: value)] }
    return tokenCounts.enumerated().map { $0 * tokens..<$0 * tokens + $1 }
  }
}
