import Diagnostics
public import JSONText

/// What a trial on the first blocks of a model has shown.
public struct TrialReport: Sendable, Equatable {
  /// The source model as the user named it.
  public var model: String
  /// The schemes in one line.
  public var scheme: String
  /// One report for each of the blocks that were tried and have something to quantize, in order.
  public var blocks: [BlockReport]
  /// The blocks that a whole run would quantize.
  public var blockCount: Int
  /// Seconds that the trial took.
  public var seconds: Double
  /// Seconds that a block took, all told.
  public var secondsPerBlock: Double
  /// The largest resident memory of the process, in bytes.
  public var peakMemoryByteCount: Int
  /// Every warning, in order.
  public var warnings: [String]

  /// Creates a report.
  public init(
    model: String, scheme: String, blocks: [BlockReport], blockCount: Int, seconds: Double,
    secondsPerBlock: Double, peakMemoryByteCount: Int, warnings: [String]
  ) {
    self.model = model
    self.scheme = scheme
    self.blocks = blocks
    self.blockCount = blockCount
    self.seconds = seconds
    self.secondsPerBlock = secondsPerBlock
    self.peakMemoryByteCount = peakMemoryByteCount
    self.warnings = warnings
  }

  /// Seconds that all blocks would take at the pace of those that were tried.
  public var estimatedSeconds: Double { secondsPerBlock * Double(blockCount) }

  /// The report as a JSON object, the one that `autoround quantize --layers N --json` prints.
  public var json: JSONValue {
    [
      "model": .string(model), "scheme": .string(scheme),
      "blocks": .array(blocks.map(\.json)), "of": JSONValue(blockCount),
      "seconds": JSONValue(seconds), "seconds_per_block": JSONValue(secondsPerBlock),
      "estimated_seconds": JSONValue(estimatedSeconds),
      "peak_memory_bytes": JSONValue(peakMemoryByteCount),
      "warnings": .array(warnings.map(JSONValue.string)),
    ]
  }

  /// What is shown when a trial is done.
  func lines(_ styling: Styling, width: Int?) -> [String] {
    blocks.table(styling, width) + [
      "",
      "tried      \(blocks.count) of \(counted(blockCount, "block")), \(scheme); nothing is written",
      "took       \(Quantities.duration(seconds: seconds)), at most "
        + "\(Quantities.bytes(peakMemoryByteCount)) of memory",
      "whole run  about \(Quantities.duration(seconds: estimatedSeconds)) for all blocks, "
        + "\(Quantities.duration(seconds: secondsPerBlock)) each",
    ]
  }
}
