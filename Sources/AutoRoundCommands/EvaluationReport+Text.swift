import AutoRound
import Evaluation

extension EvaluationReport {
  /// The report as lines for people.
  package var lines: [String] {
    var lines = [
      "perplexity      \(Quantities.decimal(perplexity)) on \(Quantities.count(tokens)) tokens, "
        + "windows of \(sequenceLength)"
    ]
    if let comparison {
      let change = perplexity / comparison.referencePerplexity - 1
      lines += [
        "reference       \(Quantities.decimal(comparison.referencePerplexity)); "
          + "\(Self.change(change)) here",
        "KL divergence   \(Quantities.significant(comparison.klDivergenceMean)) on average, "
          + "\(Quantities.significant(comparison.klDivergenceP99)) at most for 99 % of the tokens",
        "same top token  \(Quantities.percent(comparison.sameTopToken))",
      ]
    }
    return lines + ["took            \(Quantities.duration(seconds: seconds))"]
  }

  /// `0.6 % higher`, or `1.78e+22 times as high` where a percentage would be a row of digits.
  private static func change(_ change: Double) -> String {
    guard change < 10 else { return "\(Quantities.significant(change + 1)) times as high" }
    return "\(Quantities.percent(abs(change))) \(change < 0 ? "lower" : "higher")"
  }
}
