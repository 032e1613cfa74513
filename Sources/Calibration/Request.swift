import Diagnostics

extension CalibrationData {
  /// How many samples of what length.
  struct Request {
    var sampleCount: Int
    var sequenceLength: Int
    /// Samples after those, as far as there are more.
    var heldOutCount = 0
  }

  /// The ids that a model has, and the way from text to them.
  struct Vocabulary {
    var coding: TextCoding
    /// The number of ids that the model has an embedding for.
    var size: Int

    func encode(_ text: String) throws -> [Int32] {
      try coding.encode(text).map(checked)
    }

    func checked(_ id: Int) throws -> Int32 {
      guard id >= 0, id < size, let id = Int32(exactly: id) else {
        throw InputError(
          .invalidValue, "token id \(id) is not in the model's vocabulary of \(size) ids")
      }
      return id
    }
  }

  /// The samples found in a source, and what was met on the way.
  struct Found {
    var samples: [[Int32]] = []
    /// Records that were shorter than a sample.
    var shortCount = 0

    func warnings(for request: Request, source: String) -> [String] {
      var warnings: [String] = []
      let samples = samples.prefix(request.sampleCount)
      if samples.count < request.sampleCount {
        let short = shortCount == 1 ? "1 record is" : "\(shortCount) records are"
        let left = shortCount > 0 ? " (\(short) shorter)" : ""
        warnings.append(
          "\(source) gives \(counted(samples.count, "sample")) of \(counted(request.sequenceLength, "token")); "
            + "\(request.sampleCount) were asked for\(left)")
      }
      let repeatedCount = samples.count - Set(samples).count
      if repeatedCount > 0 {
        warnings.append(
          "\(repeatedCount) of \(counted(samples.count, "sample")) in \(source) are repetitions")
      }
      let leftCount = max(0, self.samples.count - request.sampleCount)
      let predicted = leftCount * (request.sequenceLength - 1)
      if leftCount == 0, request.heldOutCount > 0 {
        warnings.append(
          "\(source) has nothing left to measure the result on; perplexity and divergence are not in the "
            + "report")
      } else if leftCount < request.heldOutCount, predicted < HeldOutText.tellingTokenCount {
        warnings.append(
          "\(source) has \(Quantities.count(predicted)) tokens left to measure the result on; a perplexity "
            + "on fewer than \(Quantities.count(HeldOutText.tellingTokenCount)) says little")
      }
      return warnings
    }
  }
}
