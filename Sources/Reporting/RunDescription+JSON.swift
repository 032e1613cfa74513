public import JSONText

extension RunDescription {
  /// The description as a JSON object.
  public var json: JSONValue {
    [
      "model": .string(model), "architecture": .string(architecture), "scheme": .string(scheme),
      "source_storage": sourceStorage.map(JSONValue.string) ?? .null,
      "device": .string(device), "instruction_set": .string(instructionSet),
      "matrix_library": .string(matrixLibrary), "compute_type": .string(computeType),
      "threads": JSONValue(threadCount),
      "blocks": JSONValue(blockCount), "iterations": JSONValue(iterations),
      "portions": JSONValue(portionCount),
      "searched_scales": .bool(searchesScales),
      "batch_size": JSONValue(batchSize),
      "gradient_accumulate_steps": JSONValue(gradientAccumulation),
      "learning_rate": .string(learningRate),
      "minmax_lr": rangeLearningRate.map { JSONValue($0) } ?? .null,
      "samples": JSONValue(sampleCount), "sequence_length": JSONValue(sequenceLength),
      "calibration_tokens": JSONValue(tokenCount),
      "calibration_remark": .string(calibrationRemark),
      "calibration_hash": .string(calibrationHash),
      "calibration_excerpt": .string(calibrationExcerpt), "seed": JSONValue(seed),
    ]
  }
}
