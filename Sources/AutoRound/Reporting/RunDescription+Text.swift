extension RunDescription {
  /// What is shown before the first block.
  func lines(_ styling: Styling) -> [String] {
    [
      styling.heading("\(model)") + "  \(architecture), \(blockCount) blocks",
      "scheme       \(scheme)",
      "tuning       \(iterations) iterations, batch \(batchSize), learning rate \(learningRate), "
        + "seed \(seed)",
      "calibration  \(sampleCount) samples of \(sequenceLength) tokens "
        + "(\(Quantities.count(tokenCount))), hash \(calibrationHash)",
      "             \(calibrationExcerpt)",
      "compute      \(computeType) on \(device) (\(instructionSet)), \(threadCount) "
        + (threadCount == 1 ? "thread" : "threads"),
    ]
  }
}
