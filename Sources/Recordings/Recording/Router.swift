/// How each token chooses its experts, and what their answers count.
package struct Router: Hashable, Sendable {
  /// What logits `z` become.
  package enum Score: Hashable, Sendable {
    /// `p = softmax(z)` over all experts, chosen by `p`.
    case softmax
    /// `p = sigmoid(z)`, chosen by `p`.
    case sigmoid
    /// Chosen by `z`; `p` is the softmax over the chosen.
    case softmaxOfChosen
  }

  /// Neighbouring experts that are chosen from, or not, together.
  package struct Groups: Hashable, Sendable {
    package var count: Int
    /// The groups that a token may choose from: those with the largest sums of their best experts.
    package var kept: Int
    /// How many of a group's best experts are summed: two, or the best alone.
    package var summed = 2

    package init(count: Int, kept: Int) { (self.count, self.kept) = (count, kept) }
  }

  package var experts: Int
  /// How many a token chooses: those that score highest, the earlier of equals.
  package var perToken: Int
  package var score: Score
  /// Added to the sum of the chosen weights before they are divided by it; nil: they are not divided.
  package var normalization: Float?
  /// Multiplies all weights at the end.
  package var factor: Float = 1
  package var groups: Groups?

  package init(experts: Int, perToken: Int, score: Score, normalization: Float? = nil) {
    precondition(experts > 0 && (1...experts).contains(perToken))
    self.experts = experts
    self.perToken = perToken
    self.score = score
    self.normalization = normalization
  }
}
