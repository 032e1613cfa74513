import Execution

/// The time and the memory that a run has taken.
struct RunCost: Equatable {
  /// Seconds from its start, those between two processes not counted.
  var seconds: Double
  /// The largest resident memory.
  var peakMemoryBytes: Int

  /// What this process has taken since `started`, on top of `earlier`.
  init(since started: ContinuousClock.Instant, after earlier: RunCost? = nil) {
    seconds = (ContinuousClock.now - started).seconds + (earlier?.seconds ?? 0)
    peakMemoryBytes = max(ProcessMemory.peakByteCount, earlier?.peakMemoryBytes ?? 0)
  }

  init(seconds: Double, peakMemoryBytes: Int) {
    self.seconds = seconds
    self.peakMemoryBytes = peakMemoryBytes
  }
}
