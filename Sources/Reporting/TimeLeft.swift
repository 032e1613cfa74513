/// Estimates when a run will be done from the blocks and steps that are behind it.
///
/// All blocks of a model cost about the same, so a finished block is the best measure of the
/// others; until there is one, the steps of the first block are. Blocks with nothing to quantize take next
/// to no time.
struct TimeLeft {
  private var finishedSeconds = 0.0
  private var finishedCount = 0
  private var blockCount = 0
  private var blockIndex = 0
  private var blockStart = 0.0
  /// Positions of the blocks that take time; nil: all.
  private var tuned: [Int]?

  mutating func runStarted(tuning blocks: [Int]?) { tuned = blocks }

  mutating func blockStarted(index: Int, count: Int, at time: Double) {
    (blockIndex, blockCount, blockStart) = (index, count, time)
  }

  mutating func blockFinished(seconds: Double) {
    finishedSeconds += seconds
    finishedCount += 1
  }

  /// Blocks after the current one that take time.
  private var laterCount: Double {
    Double(tuned?.count { $0 > blockIndex } ?? max(0, blockCount - blockIndex - 1))
  }

  /// Seconds left after all steps of the current block are behind, or nil if nothing was measured.
  func afterBlock() -> Double? {
    guard finishedCount > 0 else { return nil }
    return laterCount * finishedSeconds / Double(finishedCount)
  }

  /// Seconds left at a step of the current block, or nil while too little has been measured.
  func atIteration(_ iteration: Int, of count: Int, at time: Double) -> Double? {
    guard count > 0 else { return nil }
    let share = Double(min(iteration, count)) / Double(count)
    let elapsed = max(0, time - blockStart)
    if let later = afterBlock() {
      let mean = finishedSeconds / Double(finishedCount)
      return later + mean * (1 - share)
    }
    guard iteration >= 5 || share >= 0.25 else { return nil }
    let whole = elapsed / share
    return whole - elapsed + whole * laterCount
  }
}
