import Checkpoints
import Compute
import Diagnostics
import LanguageModels
import Quantization

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

  /// Calibrates and modifies all blocks, or those that an earlier run has left.
  ///
  /// - Parameter finish: Called when a block is done, with its number and the full-precision stream.
  package func run(finish: (Int, ActivationCache) throws -> Void = { _, _ in }) throws {
    let finished = state.journal?.finished ?? []
    let blocks = state.decoderBlocks
    let placement = try placement(blocks.dropFirst(finished.count).first)
    let stream = try finished.isEmpty ? firstInputs(placement) : restoredStream(finished, placement)
    for modifier in modifiers { try modifier.start(state) }
    for (index, placed) in blocks.enumerated().dropFirst(finished.count) {
      try state.checkStop()
      state.observer?.observe(
        .blockStarted(index: index, count: blocks.count, name: placed.name))
      let program = try state.program(for: placed.block, batchSize: batchSize)
      try program.load(placed.name, from: state.model.checkpoint, hasScales: false)
      // The stream is that of the model as it was; keys and values are looked at on the way.
      program.program.activations = state.keyValueScheme == nil ? .passed : .observed
      for activations in program.program.calibratedActivations { activations.forgetObserved() }
      var firstInputs: ActivationCache?
      if index == 0 {
        firstInputs = try placement.makeCache(1)
        firstInputs?.copy(from: stream)
      }
      BlockRunner(program).advance(stream)
      let block = CalibratedBlock(
        index: index, name: placed.name, structure: placed.block, program: program,
        firstInputs: firstInputs, outputs: stream)
      for modifier in modifiers {
        try naming(placed.name) { try modifier.sequentialEpochEnd(block, state) }
      }
      // The weights were read where they lie in their files; this block's are not needed again.
      state.model.checkpoint.releasePages()
      try finish(index, stream)
      if let report = state.blocks.last, report.index == index {
        state.observer?.observe(.blockFinished(report))
      }
    }
    for modifier in modifiers { try modifier.end(state) }
    for modifier in modifiers { try modifier.finalize(state) }
  }

  /// Decides what is kept in memory. `next` is the block to begin with; its program is recorded first,
  /// because it says what memory it takes.
  private func placement(_ next: PlacedBlock?) throws -> StreamPlacement {
    let compute = state.device.compute
    let sampleCount = state.calibration.samples.count
    let sampleByteCount =
      state.calibration.sequenceLength * state.model.description.hiddenSize * compute.byteCount
    guard let next, let budget = state.memoryBudget, let folder = state.scratchFolder else {
      return StreamPlacement(
        sampleCount: sampleCount, sampleByteCount: sampleByteCount, compute: compute)
    }
    let program = try state.program(for: next.block, batchSize: batchSize)
    let placement = try StreamPlacement(
      sampleCount: sampleCount, sampleByteCount: sampleByteCount, compute: compute,
      batch: program.program.batch,
      need: MemoryNeed(tuning: next, program: program, source: state.model) {
        state.schemes[$0]?.weights != nil
      }, budget: budget, scratchFolder: folder)
    if placement.streamsInMemory < 2 {
      state.observer?.observe(
        .warning(
          "\(placement.streamsInMemory == 1 ? "one of two streams" : "both streams") of hidden states, "
            + "\(Quantities.bytes(placement.streamByteCount)) each, kept in a scratch file: the memory "
            + "budget is \(Quantities.bytes(budget.byteCount))"))
    }
    return placement
  }

  /// Both streams as they were when the earlier run was cut off; returns that of full precision.
  private func restoredStream(
    _ finished: [FinishedBlock], _ placement: StreamPlacement
  ) throws -> ActivationCache {
    let stream = try placement.makeCache(0)
    guard let journal = state.journal, let files = finished.last?.streams else { return stream }
    try journal.read(files.original, into: stream)
    let quantized = try placement.makeCache(1)
    try journal.read(files.quantized, into: quantized)
    state.quantizedStream = quantized
    return stream
  }

  /// The embeddings of all samples.
  private func firstInputs(_ placement: StreamPlacement) throws -> ActivationCache {
    let embedding = try TokenEmbedding(
      state.model.description, source: state.model.checkpoint, compute: state.device.compute)
    let cache = try placement.makeCache(0)
    for (index, sample) in state.calibration.samples.enumerated() {
      try embedding.write(sample.lazy.map { Int($0) }, to: cache[index])
    }
    state.model.checkpoint.releasePages()
    return cache
  }
}
