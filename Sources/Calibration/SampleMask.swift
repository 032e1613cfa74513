/// Which tokens of a sample are its own, and which of these count where outputs are compared.
package struct SampleMask: Sendable, Equatable {
  /// Tokens of the sample; what is behind them is padding.
  package let tokenCount: Int
  /// Runs of tokens whose outputs count in losses, in order.
  package let counted: [Range<Int>]

  /// - Parameter counted: Nil for all tokens of the sample.
  package init(tokenCount: Int, counted: [Range<Int>]? = nil) {
    self.tokenCount = tokenCount
    self.counted = counted ?? [0..<tokenCount]
    precondition(self.counted.last?.upperBound ?? 0 <= tokenCount)
  }

  /// How many tokens count in losses.
  package var countedCount: Int { counted.reduce(0) { $0 + $1.count } }

  /// The mask of a part of the sample.
  package func part(_ tokens: Range<Int>) -> SampleMask {
    func placed(_ range: Range<Int>) -> Range<Int> {
      let part = range.clamped(to: tokens)
      return part.lowerBound - tokens.lowerBound..<part.upperBound - tokens.lowerBound
    }
    return SampleMask(
      tokenCount: placed(0..<tokenCount).count,
      counted: counted.filter { $0.overlaps(tokens) }.map(placed))
  }
}
