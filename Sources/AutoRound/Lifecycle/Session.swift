import Compute
import Diagnostics
import LanguageModels

/// Drives modifiers through a model: one block after another, each calibrated once.
///
/// The full-precision stream is computed here, a block's outputs being the next one's inputs; a modifier
/// that wants the stream of the quantized model keeps it.
package final class Session {
  private let state: SessionState
  private let modifiers: [any Modifier]
  private let batchSize: Int

  package init(_ state: SessionState, modifiers: [any Modifier], batchSize: Int) {
    self.state = state
    self.modifiers = modifiers
    self.batchSize = batchSize
  }

  /// Lets every modifier decide on its layers.
  package func initialize() throws {
    for modifier in modifiers { try modifier.initialize(state) }
  }

  /// Calibrates and modifies all blocks.
  package func run() throws {
    let stream = try firstInputs()
    for modifier in modifiers { try modifier.start(state) }
    let blocks = state.decoderBlocks
    for (index, placed) in blocks.enumerated() {
      state.observer?.observe(
        .blockStarted(index: index, count: blocks.count, name: placed.name))
      let program = try state.program(for: placed.block, batchSize: batchSize)
      try program.load(placed.name, from: state.model.checkpoint, hasScales: false)
      // The stream is that of the model as it was; keys and values are looked at on the way.
      program.program.activations = state.keyValueScheme == nil ? .passed : .observed
      for activations in program.program.calibratedActivations { activations.forgetObserved() }
      let firstInputs = index == 0 ? stream.copy() : nil
      BlockRunner(program).advance(stream)
      let block = CalibratedBlock(
        index: index, name: placed.name, structure: placed.block, program: program,
        firstInputs: firstInputs, outputs: stream)
      for modifier in modifiers {
        try naming(placed.name) { try modifier.sequentialEpochEnd(block, state) }
      }
    }
    for modifier in modifiers { try modifier.end(state) }
    for modifier in modifiers { try modifier.finalize(state) }
  }

  /// The embeddings of all samples.
  private func firstInputs() throws -> ActivationCache {
    let description = state.model.description
    let compute = state.device.compute
    let embedding = try TokenEmbedding(
      description, source: state.model.checkpoint, compute: compute)
    let samples = state.calibration.samples
    let cache = ActivationCache(
      sampleCount: samples.count,
      sampleByteCount: state.calibration.sequenceLength * description.hiddenSize
        * compute.byteCount, compute: compute)
    for (index, sample) in samples.enumerated() {
      try embedding.write(sample.lazy.map { Int($0) }, to: cache[index])
    }
    return cache
  }
}
