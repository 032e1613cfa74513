/// How far a block's outputs are from its targets, token by token.
package struct TokenErrors {
  /// The sum of `(output - target)^2` over the columns of each token, sample after sample.
  package private(set) var sums: [Double] = []
  private let columns: Int

  package init(columns: Int) { self.columns = columns }

  package mutating func append(_ sums: some Sequence<Double>) { self.sums += sums }

  /// The loss: the mean over all elements.
  package var mean: Double { sums.reduce(0, +) / Double(max(1, sums.count * columns)) }

  /// One token in so many can be massive: the first of each sample, in samples that are worth the name.
  package static let tokensForEachMassive = 64

  /// The share of the loss that a few tokens carry, those with the largest errors.
  ///
  /// Models have tokens, often the first of a text, whose hidden states are hundreds of times larger than
  /// all others ("massive activations"; Sun et al., 2024). Their errors can be nearly all of a block's loss.
  package var shareOfFew: Double {
    let total = sums.reduce(0, +)
    let count = (sums.count + Self.tokensForEachMassive - 1) / Self.tokensForEachMassive
    guard total > 0, total.isFinite else { return 0 }
    return sums.sorted(by: >).prefix(count).reduce(0, +) / total
  }
}
