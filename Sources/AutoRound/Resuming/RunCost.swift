import Execution

/// The time and the memory that a run has taken.
struct RunCost {
  /// Seconds from its start, those between two processes not counted.
  var seconds: Double
  /// The largest resident memory.
  var peakMemoryByteCount: Int
}

extension RunCost {
  /// What this process has taken since `started`, on top of `earlier`.
  init(since started: ContinuousClock.Instant, after earlier: RunCost?) {
    seconds = (ContinuousClock.now - started) / .seconds(1) + (earlier?.seconds ?? 0)
    peakMemoryByteCount = max(ProcessMemory.peakByteCount, earlier?.peakMemoryByteCount ?? 0)
  }
}
