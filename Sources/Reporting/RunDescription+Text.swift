import Diagnostics

extension RunDescription {
  /// What is shown before the first block.
  func lines(_ styling: Styling) -> [String] {
    [styling.heading("\(model)") + "  \(architecture), " + counted(blockCount, "block")]
      + (sourceStorage.map { ["source       \($0)"] } ?? []) + [
        "scheme       \(scheme)",
        "tuning       \(tuning)",
        "calibration  \(calibration)",
        "             \(calibrationExcerpt)",
        "compute      \(computeType) on \(device) (\(instructionSet)), "
          + counted(threadCount, "thread"),
      ]
  }

  /// How weights are tuned, or what is done instead.
  var tuning: String {
    guard iterations > 0 else {
      return "none; rounded " + (searchesScales ? "with the scales that lose least" : "to nearest")
    }
    return counted(iterations, "iteration")
      + (portionCount > 1 ? " for each of \(portionCount) portions of a block" : "")
      + ", batch \(gradientAccumulation > 1 ? "\(gradientAccumulation) × " : "")\(batchSize), "
      + "learning rate \(learningRate)"
      + (rangeLearningRate.map { " (ranges \($0))" } ?? "") + ", seed \(seed)"
  }

  /// What is calibrated on.
  var calibration: String {
    guard sampleCount > 0 else { return samples }
    return samples + " (\(Quantities.count(tokenCount))), "
      + (calibrationRemark.isEmpty ? "" : calibrationRemark + ", ")
      + "hash \(calibrationHash)"
  }

  /// How many samples there are, and how long they are.
  var samples: String {
    guard sampleCount > 0 else { return "none" }
    let limit = tokenCount < sampleCount * sequenceLength ? "at most " : ""
    return counted(sampleCount, "sample") + " of \(limit)" + counted(sequenceLength, "token")
  }
}
