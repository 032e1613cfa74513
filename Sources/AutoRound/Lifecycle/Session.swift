import Calibration
import Checkpoints
import Compute
import Diagnostics
package import Execution
import LanguageModels
import Reporting

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
    let stream = try finished.isEmpty ? firstInputs() : restoredStream(finished)
    for modifier in modifiers { try modifier.start(state) }
    for (index, placed) in blocks.enumerated().dropFirst(finished.count) {
      try state.checkStop()
      state.observer?.observe(
        .blockStarted(index: index, count: state.stepCount, name: placed.name))
      let program = try state.program(for: placed, batchSize: batchSize)
      try program.load(placed.name, from: state.model.checkpoint, hasScales: false)
      // The stream is that of the model as it was; keys and values are looked at on the way.
      program.program.activations = state.keyValueScheme == nil ? .passed : .observed
      program.program.observed = [:]
      var firstInputs: ActivationCache?
      if index == 0 {
        firstInputs = try placement.makeCache(1)
        firstInputs?.copy(from: stream)
      }
      program.program.inputSquares = state.wantsInputSquares ? InputSquares() : nil
      BlockRunner(program).advance(stream)
      let inputSquares = program.program.inputSquares
      program.program.inputSquares = nil
      let block = CalibratedBlock(
        index: index, name: placed.name, structure: placed.block, program: program,
        firstInputs: firstInputs, outputs: stream, inputSquares: inputSquares)
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
    if state.quantizesHead, finished.count <= blocks.count {
      try runHead(index: blocks.count, stream: stream, finish: finish)
    }
    for modifier in modifiers { try modifier.end(state) }
    for modifier in modifiers { try modifier.finalize(state) }
  }

  /// Hands the head to the modifiers, with what it reads in both models.
  private func runHead(
    index: Int, stream: ActivationCache, finish: (Int, ActivationCache) throws -> Void
  ) throws {
    let name = state.model.description.headModule
    try state.checkStop()
    state.observer?.observe(.blockStarted(index: index, count: state.stepCount, name: name))
    let head = try CalibratedHead(index: index, originals: stream, state)
    for modifier in modifiers {
      try naming(name) { try modifier.headEpochEnd(head, state) }
    }
    try finish(index, stream)
    if let report = state.blocks.last, report.index == index {
      state.observer?.observe(.blockFinished(report))
    }
  }

  /// What was decided about the streams; in memory where nobody has.
  private var placement: StreamPlacement { state.placement ?? StreamPlacement(state) }

  /// Both streams as they were when the earlier run was cut off; returns that of full precision.
  private func restoredStream(_ finished: [FinishedBlock]) throws -> ActivationCache {
    let stream = try placement.makeCache(0)
    guard let journal = state.journal, let files = finished.last?.streams else {
      // After the last block nothing reads them.
      guard finished.count == state.stepCount else {
        throw InputError(
          .malformed, source: "the journal of the unfinished run",
          "has \(finished.count) blocks and no hidden states after them; begin anew with "
            + "\(OptionName.restart)")
      }
      return stream
    }
    try journal.read(files.original, into: stream)
    let quantized = try placement.makeCache(1)
    try journal.read(files.quantized, into: quantized)
    state.quantizedStream = quantized
    return stream
  }

  /// The embeddings of all samples.
  private func firstInputs() throws -> ActivationCache {
    let embedding = try TokenEmbedding(
      state.model.description.front, source: state.model.checkpoint, compute: state.device.compute)
    let cache = try placement.makeCache(0)
    for (index, sample) in state.calibration.samples.enumerated() {
      try cache[index].withHostMemory(byteCount: cache.sampleByteCount) {
        try embedding.write(sample.lazy.map { Int($0) }, to: $0)
      }
    }
    state.model.checkpoint.releasePages()
    return cache
  }
}
