import Diagnostics

extension RunDescription {
  /// What is shown before the first block.
  func lines(_ styling: Styling) -> [String] {
    [
      styling.heading("\(model)") + "  \(architecture), " + counted(blockCount, "block"),
      "scheme       \(scheme)",
      "tuning       \(counted(iterations, "iteration")), batch \(batchSize), learning rate \(learningRate), "
        + "seed \(seed)",
      "calibration  \(counted(sampleCount, "sample")) of \(counted(sequenceLength, "token")) "
        + "(\(Quantities.count(tokenCount))), hash \(calibrationHash)",
      "             \(calibrationExcerpt)",
      "compute      \(computeType) on \(device) (\(instructionSet)), "
        + counted(threadCount, "thread"),
    ]
  }
}
