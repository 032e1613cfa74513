import CKernels
import Calibration
import Checkpoints
import Compute
import Diagnostics
import Execution
import Foundation
import JSONText
import LanguageModels
import Quantization
import Recipes
import Reporting
import Tensors
import Tokenization
import Verification

/// One run from a checkpoint to its quantized copy.
struct QuantizationRun {
  var job: QuantizationJob
  var observer: (any RunObserver)?

  func run(to output: URL) throws -> RunReport {
    let started = ContinuousClock.now
    let source = try SourceModel(opening: job.model)
    let folder = try PartialFolder(output: output, sources: [job.model], overwrite: job.overwrite)
    defer { folder.discard() }
    let options = job.modifier.options
    let length = try options.tokensOfSample(for: source)
    let calibration = try CalibrationData(
      job.dataset, tokenizer: Tokenizer(folder: job.model), sampleCount: options.sampleCount,
      sequenceLength: length, vocabularySize: source.description.vocabularySize,
      heldOutCount: heldOutCount(sequenceLength: length))

    let state = SessionState(
      model: source, device: try CPUDevice(compute: job.compute), calibration: calibration,
      observer: observer)
    let session = Session(state, modifiers: [job.modifier], batchSize: options.batchSize)
    try session.initialize()
    let copy = try QuantizedCopy(
      of: source, schemes: state.schemes, keyValueScheme: state.keyValueScheme)
    let description = self.description(of: state, options)
    let plan = try RunPlan(
      model: description.model, state: state, copy: copy, options: options)
    let placement = try StreamPlacement(
      state, batchSize: options.batchSize, need: plan.memory,
      budget: job.memoryBudget ?? .available,
      scratchFolder: folder.path, ignoresLimits: job.ignoresLimits)
    state.placement = placement
    if !job.ignoresLimits {
      try plan.requireMemory(free: SystemMemory.availableByteCount)
      // What an earlier run has left is continued, or removed.
      try folder.requireSpace(
        plan.diskByteCount + placement.scratchByteCount - folder.byteCount)
    }
    func fingerprint() throws -> RunFingerprint {
      let progress = ReadingProgress(observer, checkStop: state.checkStop)
      return try RunFingerprint(
        source: source.checkpoint, options: options, calibration: calibration,
        configuration: copy.configuration, run: description,
        gradients: state.gradientPrecision.rawValue, progress: progress.note)
    }
    // Reads all of the source, and finds numbers that are none before anything is tuned.
    let identity = try fingerprint()
    let journal = try RunJournal(in: folder, fingerprint: identity, restart: job.restart)
    state.journal = journal
    let earlier = journal.finished.last?.cost
    let writer = try CheckpointWriter(
      CheckpointPlan(copy.tensors), in: folder, finished: journal.finishedTensors)
    try journal.verify(writer)
    do {
      observer?.observe(.started(description))
      for warning in [folder.remark].compactMap(\.self) + calibration.warnings + plan.warnings {
        state.warn(warning)
      }
      if let remark = placement.remark { observer?.observe(.warning(remark)) }
      state.deliverWeights { weight, module in
        for (name, tensor) in try copy.tensors(for: weight, of: module) {
          try writer.write(tensor, named: name)
          journal.note(tensor, named: name)
        }
      }
      state.deliverScales { scale, name in
        let tensor = copy.tensor(ofScale: scale, named: name)
        try writer.write(tensor, named: name)
        journal.note(tensor, named: name)
      }
      try tune(session, state, journal, writer) { RunCost(since: started, after: earlier) }
      state.releaseMemory()
      try copy.writeTheRest(to: writer, recipe: options.recipe)
      if !source.checkpoint.changedFiles.isEmpty {
        try identity.requireUnchanged(fingerprint(), source: description.model)
      }
      let completion = CheckpointCompletion(
        source: source.checkpoint, output: output, reporting: job.reporting,
        observer: observer, writer: writer, folder: URL(filePath: folder.checkpointPath))
      try state.checkStop()
      let verification = try completion.verify(
        digests: journal.finished.flatMap { $0.tensors.map { ($0.key, $0.value) } },
        reach: TuningReach(
          iterations: options.iterations, learningRate: options.learningRate.fixedValue),
        options: options, warn: state.warn)
      try state.checkStop()
      let quality = try completion.measure(
        calibration.heldOut, besides: calibration.samples.count, compute: job.compute,
        options: options,
        warn: state.warn, checkStop: state.checkStop)
      try state.checkStop()
      let cost = RunCost(since: started, after: earlier)
      var report = RunReport(
        model: description.model, output: output, blocks: state.blocks,
        seconds: cost.seconds, peakMemoryBytes: cost.peakMemoryBytes,
        sourceBytes: copy.sourceByteCount,
        outputBytes: writer.tensorByteCount, bitsPerWeight: copy.bitsPerWeight,
        warnings: state.warnings)
      (report.verification, report.quality) = (verification, quality)
      try completion.finish(report, description, verification)
      return report
    } catch {
      if folder.isKept {
        observer?.observe(
          .kept(
            finished: journal.finished.count, count: state.stepCount,
            folder: folder.path))
      }
      throw error
    }
  }

  /// Samples that the result will be measured on.
  func heldOutCount(sequenceLength: Int) -> Int {
    HeldOutText.sampleCount(
      tokenCount: job.reporting.heldOutTokenCount, besides: job.modifier.options.sampleCount,
      sequenceLength: sequenceLength)
  }

  /// Runs the session and records each block when it is done.
  private func tune(
    _ session: Session, _ state: SessionState, _ journal: RunJournal, _ writer: CheckpointWriter,
    cost: () -> RunCost
  ) throws {
    let last = state.stepCount - 1
    if !journal.finished.isEmpty { state.restore(journal.finished) }
    var warningCount = state.warnings.count
    try session.run { index, stream in
      try journal.finish(
        index, report: state.blocks.last { $0.index == index },
        warnings: Array(state.warnings.dropFirst(warningCount)), cost: cost(), writer: writer,
        original: index < last ? stream : nil,
        quantized: index < last ? state.quantizedStream : nil)
      warningCount = state.warnings.count
    }
  }

  private func description(of state: SessionState, _ options: ResolvedOptions) -> RunDescription {
    let architectures = state.model.checkpoint.configuration["architectures"]?.arrayValue
    return RunDescription(
      model: job.model.path(percentEncoded: false),
      architecture: architectures?.first?.stringValue ?? "unknown",
      scheme: options.schemeSummary, device: "cpu", instructionSet: Self.instructionSet,
      matrixLibrary: MatrixLibrary.description,
      computeType: job.compute.rawValue, threadCount: ThreadTeam.size,
      blockCount: state.model.description.blocks.count, tunedBlocks: state.tunedIndices,
      iterations: options.iterations, searchesScales: options.searchesScales(in: state.schemes),
      batchSize: min(options.batchSize, state.calibration.samples.count),
      learningRate: options.iterations > 0 ? options.learningRate.description : "none",
      sampleCount: state.calibration.samples.count,
      sequenceLength: state.calibration.sequenceLength, calibrationHash: state.calibration.hash,
      calibrationExcerpt: state.calibration.excerpt, seed: options.seed)
  }

  private static var instructionSet: String {
    switch ck_isa_current() {
    case CK_ISA_AVX512: "avx512-bf16"
    case CK_ISA_AVX2: "avx2"
    default: "portable"
    }
  }
}
