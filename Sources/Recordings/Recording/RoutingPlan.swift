/// Which row belongs to which token and expert, as whole numbers of 32 bits in a value of a program:
/// rows are sorted by expert, and by token for each expert. Missing ones are -1.
package struct RoutingPlan {
  /// For each row its token and its expert.
  package var tokens: [Int32]
  package var experts: [Int32]
  /// For each token its `perToken` rows, in the order of the experts.
  package var rows: [Int32]

  /// How many columns the value has, with a row for each token.
  package static func columns(perToken: Int) -> Int { 3 * perToken }

  /// The plan of tokens that go nowhere.
  ///
  /// - Parameter count: Rows: tokens, times the experts of each.
  package init(count: Int) {
    tokens = Array(repeating: -1, count: count)
    (experts, rows) = (tokens, tokens)
  }

  /// The plan of what each token has chosen.
  package init(_ chosen: [[Int]], perToken: Int) {
    self.init(count: chosen.count * perToken)
    let pairs = chosen.enumerated().flatMap { token, experts in experts.map { (token, $0) } }
    var filled = Array(repeating: 0, count: chosen.count)
    for (row, pair) in pairs.sorted(by: { ($0.1, $0.0) < ($1.1, $1.0) }).enumerated() {
      tokens[row] = Int32(pair.0)
      experts[row] = Int32(pair.1)
      rows[pair.0 * perToken + filled[pair.0]] = Int32(row)
      filled[pair.0] += 1
    }
  }

  /// The experts that have rows, with these.
  ///
  /// - Parameter experts: The expert of each row.
  package static func segments(
    of experts: some RandomAccessCollection<Int32>
  ) -> [(expert: Int, rows: Range<Int>)] {
    var segments: [(expert: Int, rows: Range<Int>)] = []
    for (row, expert) in experts.enumerated() where expert >= 0 {
      if let last = segments.last, last.expert == expert {
        segments[segments.count - 1].rows = last.rows.lowerBound..<row + 1
      } else {
        segments.append((Int(expert), row..<row + 1))
      }
    }
    return segments
  }
}
