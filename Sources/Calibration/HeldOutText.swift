/// Calibration text that is not calibrated on, to measure the result with.
package enum HeldOutText {
  /// Tokens that must be predicted for a perplexity to say something.
  package static let tellingTokenCount = 2000

  /// Samples to hold out: those of at most `tokenCount` tokens, and never more than an eighth of what is
  /// calibrated on, unless that is less than ``tellingTokenCount``.
  package static func sampleCount(
    tokenCount: Int, besides sampleCount: Int, sequenceLength: Int
  ) -> Int {
    guard tokenCount > 0, sequenceLength > 1 else { return 0 }
    // The first token of a sample is not predicted.
    let predicted = sequenceLength - 1
    let telling = (tellingTokenCount + predicted - 1) / predicted
    return max(1, min(max(sampleCount / 8, telling), tokenCount / sequenceLength))
  }
}
