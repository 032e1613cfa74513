/// Which tokens of each sample count in a block's loss; the rest are read by attention but not judged.
package struct LossMask {
  /// For each sample, the stretches of tokens that count.
  let stretches: [[Range<Int>]]

  /// - Parameter counts: For each sample and token, whether it counts.
  package init(_ counts: [[Bool]]) {
    stretches = counts.map { tokens in
      var stretches: [Range<Int>] = []
      for token in tokens.indices where tokens[token] {
        if let last = stretches.last, last.upperBound == token {
          stretches[stretches.count - 1] = last.lowerBound..<token + 1
        } else {
          stretches.append(token..<token + 1)
        }
      }
      return stretches
    }
  }

  /// Tokens of a sample that count.
  func tokenCount(ofSample sample: Int) -> Int { stretches[sample].reduce(0) { $0 + $1.count } }
}
