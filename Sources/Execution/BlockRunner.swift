package import Compute
package import LanguageModels

/// Runs a block's program over cached samples.
package struct BlockRunner {
  package let block: BlockProgram

  package init(_ block: BlockProgram) { self.block = block }

  /// Puts the samples' hidden states side by side into the program's input.
  package func gather(_ samples: some Collection<Int>, from cache: ActivationCache) {
    precondition(samples.count <= block.program.batch)
    let input = block.program[range: block.input]
    block.program.sampleCount = samples.count
    for (position, sample) in samples.enumerated() {
      (input + position * cache.sampleByteCount)
        .copy(from: cache[sample], byteCount: cache.sampleByteCount)
    }
  }

  /// Runs the block forward on every sample of `inputs` and calls `body` for each batch with its samples
  /// and the outputs. The last batch may be short.
  package func forEachBatch(
    of inputs: ActivationCache, _ body: (Range<Int>, DeviceRange) throws -> Void
  ) rethrows {
    let batch = block.program.batch
    for first in stride(from: 0, to: inputs.sampleCount, by: batch) {
      let samples = first..<min(first + batch, inputs.sampleCount)
      gather(samples, from: inputs)
      block.program.forward()
      try body(samples, block.program.output)
    }
  }

  /// Replaces every sample of `cache` by the block's output for it.
  package func advance(_ cache: ActivationCache) {
    forEachBatch(of: cache) { samples, outputs in scatter(outputs, to: cache, samples) }
  }

  /// The block's errors on all samples; `outputs`, if given, gets the outputs and may be `inputs`.
  package func errors(
    on inputs: ActivationCache, targets: some TuningTargets, outputs: ActivationCache? = nil
  ) -> TokenErrors {
    var errors = TokenErrors(columns: block.outputColumns)
    forEachBatch(of: inputs) { samples, results in
      for (position, sample) in samples.enumerated() {
        errors.append(
          block.program.device.squaredErrors(
            results + position * block.outputByteCount, target: targets[sample],
            rows: block.program.tokens, columns: block.outputColumns))
      }
      if let outputs { scatter(results, to: outputs, samples) }
    }
    return errors
  }

  private func scatter(
    _ outputs: DeviceRange, to cache: ActivationCache, _ samples: Range<Int>
  ) {
    for (position, sample) in samples.enumerated() {
      cache[sample].copy(
        from: outputs + position * cache.sampleByteCount, byteCount: cache.sampleByteCount)
    }
  }
}
