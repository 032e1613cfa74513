package import Compute
package import Diagnostics
package import Execution

/// Where the two streams of hidden states are kept: in memory as far as the budget allows, else in
/// scratch files.
package struct StreamPlacement {
  private let sampleCount: Int
  private let sampleByteCount: Int
  private let device: any Device
  /// Streams that are in memory; those beyond are spilled.
  package private(set) var streamsInMemory: Int
  /// Where scratch files go.
  private let scratchFolder: String
  private let residentSampleCount: Int

  /// Bytes of a whole stream.
  package var streamByteCount: Int { sampleCount * sampleByteCount }
  /// Bytes of all scratch files.
  package var scratchByteCount: Int { (Self.streamCount - streamsInMemory) * streamByteCount }
  private static let streamCount = 2
  /// What a spilled stream has in memory at least; a batch if that is more.
  private static let windowByteCount = 8 << 20

  /// Decides by what a run needs by its plan.
  init(
    _ setup: CalibrationSetup, need: MemoryEstimate, budget: MemoryBudget, scratchFolder: String,
    ignoresLimits: Bool
  ) throws(InputError) {
    let besides = need.byteCount - need.streams
    // `need` is an estimate; a budget that was given gets some headroom.
    try self.init(
      sampleCount: setup.sampleCount, sampleByteCount: setup.sampleByteCount,
      device: setup.device, batch: setup.options.batchSize,
      blockByteCount: budget.isGiven ? besides + besides / 20 : besides - need.mapped,
      budget: budget, scratchFolder: scratchFolder, portionCount: setup.portionCount,
      mayExceed: ignoresLimits || !budget.isGiven)
  }

  /// Decides by what is needed besides the streams.
  ///
  /// - Parameters:
  ///   - batch: Samples of a step.
  ///   - portionCount: Portions that a block of experts would be tuned in.
  ///   - mayExceed: Whether the budget counts only as far as it can be kept.
  /// - Throws: `invalidValue` if the budget does not suffice even when both streams are spilled.
  package init(
    sampleCount: Int, sampleByteCount: Int, device: any Device, batch: Int, blockByteCount: Int,
    budget: MemoryBudget, scratchFolder: String, portionCount: Int = 1, mayExceed: Bool = false
  ) throws(InputError) {
    self.sampleCount = sampleCount
    self.sampleByteCount = sampleByteCount
    self.device = device
    self.scratchFolder = scratchFolder
    residentSampleCount = min(
      sampleCount, max(batch, Self.windowByteCount / max(1, sampleByteCount)))
    let window = residentSampleCount * sampleByteCount
    func total(_ inMemory: Int) -> Int {
      blockByteCount + inMemory * sampleCount * sampleByteCount
        + (Self.streamCount - inMemory) * window
    }
    streamsInMemory = (0...Self.streamCount).last { total($0) <= budget.byteCount } ?? 0
    guard mayExceed || total(streamsInMemory) <= budget.byteCount else {
      throw InputError(
        .invalidValue, source: OptionName.memoryBudget.description,
        "found \(Quantities.bytes(budget.byteCount)), but tuning a block takes "
          + Quantities.bytes(total(0))
          + (portionCount > 1 ? " even in \(portionCount) portions" : "")
          + "; give as much, or make \(OptionName.batchSize) or "
          + "\(OptionName.sequenceLength) smaller")
    }
  }

  /// What the user should know; nil if all is in memory.
  var remark: String? {
    guard streamsInMemory < Self.streamCount else { return nil }
    let subject = streamsInMemory == 1 ? "one of two streams" : "both streams"
    return
      "\(subject) of hidden states, \(Quantities.bytes(streamByteCount)) each, kept in a scratch "
      + "file for want of memory"
  }

  /// A cache for one of the streams.
  ///
  /// - Parameter position: 0 for the stream that is in memory first, 1 for the other.
  package func makeCache(_ position: Int) throws(InputError) -> ActivationCache {
    guard position >= streamsInMemory else {
      return ActivationCache(
        sampleCount: sampleCount, sampleByteCount: sampleByteCount, device: device)
    }
    return try ActivationCache(
      sampleCount: sampleCount, sampleByteCount: sampleByteCount, device: device,
      spilledTo: scratchFolder, residentSampleCount: residentSampleCount)
  }
}
