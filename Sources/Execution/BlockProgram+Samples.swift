import Calibration
package import Compute
package import LanguageModels

/// Runs over cached samples.
extension BlockProgram {
  /// Puts the samples' hidden states side by side into the program's input.
  package func gather(_ samples: some Collection<Int>, from cache: ActivationCache) {
    let samples = Array(samples)
    precondition(!samples.isEmpty && samples.count <= program.batch)
    let start = program[range: input]
    program.tokenCounts = samples.map { cache.masks?[$0].tokenCount ?? program.tokens }
    for position in 0..<program.batch {
      // What lies behind the last sample has no part in anything, but must be numbers: zero times NaN is NaN.
      let source = cache[position < samples.count ? samples[position] : samples[0]]
      (start + position * sequenceByteCount).copy(from: source, byteCount: sequenceByteCount)
      readCarried(position, from: source + sequenceByteCount)
    }
  }

  /// Runs the block forward on every sample of `inputs` and calls `body` for each batch with its samples
  /// and the outputs. The last batch may be short.
  ///
  /// - Parameter experts: What runs all experts after each batch.
  package func forEachBatch(
    of inputs: ActivationCache, with experts: ExpertCalibration? = nil,
    _ body: (Range<Int>, DeviceRange) throws -> Void
  ) rethrows {
    let batch = program.batch
    for first in stride(from: 0, to: inputs.sampleCount, by: batch) {
      let samples = first..<min(first + batch, inputs.sampleCount)
      gather(samples, from: inputs)
      program.forward()
      experts?.run()
      try body(samples, program.output)
    }
  }

  /// Replaces every sample of `cache` by the block's output for it.
  package func advance(_ cache: ActivationCache, with experts: ExpertCalibration? = nil) {
    forEachBatch(of: cache, with: experts) { samples, outputs in
      scatter(outputs, to: cache, samples)
    }
  }

  /// Runs of a sample's tokens whose outputs count in losses.
  package func countedTokens(of sample: Int, in cache: ActivationCache) -> [Range<Int>] {
    cache.masks?[sample].counted ?? [0..<program.tokens]
  }

  /// The block's errors on all tokens that count; `outputs`, if given, gets the outputs and may be `inputs`.
  package func errors(
    on inputs: ActivationCache, targets: some TuningTargets, outputs: ActivationCache? = nil
  ) -> TokenErrors {
    var errors = TokenErrors(columns: outputColumns)
    forEachBatch(of: inputs) { samples, results in
      for (position, sample) in samples.enumerated() {
        let target = targets[sample]
        for tokens in countedTokens(of: sample, in: inputs) {
          let first = tokens.lowerBound * outputRowByteCount
          errors.append(
            program.device.squaredErrors(
              results + position * outputByteCount + first, target: target + first,
              rows: tokens.count, columns: outputColumns))
        }
      }
      if let outputs { scatter(results, to: outputs, samples) }
    }
    return errors
  }

  private func scatter(
    _ outputs: DeviceRange, to cache: ActivationCache, _ samples: Range<Int>
  ) {
    for (position, sample) in samples.enumerated() {
      let target = cache[sample]
      target.copy(from: outputs + position * outputByteCount, byteCount: outputByteCount)
      writeCarried(position, to: target + outputByteCount)
    }
  }
}
