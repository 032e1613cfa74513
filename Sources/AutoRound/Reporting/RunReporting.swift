public import Foundation

/// What a run writes about itself beside the checkpoint, and what it measures for that.
public struct RunReporting {
  /// Compares a quantized checkpoint with its source on windows of token ids, all of one length, and with
  /// plain rounding of the source if `comparesRounding`. It calls `progress` with the share that is done,
  /// from 0 to 1, and passes on what that throws.
  public typealias Measure = (
    _ quantized: URL, _ source: URL, _ windows: [[Int32]], _ comparesRounding: Bool,
    _ progress: (Double) throws -> Void
  ) throws -> EvaluationReport

  /// The command that began the run, word for word; empty where there was none.
  public var commandLine: [String] = []
  /// What the hub calls the source; nil: what its files and its folder's name say.
  public var baseModel: String?
  /// Tokens of the calibration source, after those that are calibrated on, to measure the result with;
  /// never more than an eighth of them, unless that is less than ``tellingTokenCount``.
  public var heldOutTokenCount = 8192
  /// How that is measured; nil for not at all.
  public var measure: Measure?

  /// Reports without a measurement.
  public init() {}

  /// Tokens that must be predicted for a perplexity to say something.
  static let tellingTokenCount = 2000

  /// Samples to hold out.
  package func heldOutSampleCount(sampleCount: Int, sequenceLength: Int) -> Int {
    guard measure != nil, heldOutTokenCount > 0, sequenceLength > 1 else { return 0 }
    // The first token of a sample is not predicted.
    let predicted = sequenceLength - 1
    let telling = (Self.tellingTokenCount + predicted - 1) / predicted
    return max(1, min(max(sampleCount / 8, telling), heldOutTokenCount / sequenceLength))
  }
}
