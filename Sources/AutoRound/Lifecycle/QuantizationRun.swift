import Calibration
import Checkpoints
import Diagnostics
import Execution
import Foundation
import LanguageModels
import Recipes
import Reporting
import Tokenization
import Verification

/// One run from a checkpoint to its quantized copy.
struct QuantizationRun {
  private let job: QuantizationJob
  private let output: URL
  private let observer: (any RunObserver)?
  private let options: ResolvedOptions
  private let warnings: WarningLog
  private let started = ContinuousClock.now

  init(_ job: QuantizationJob, to output: URL, _ observer: (any RunObserver)?) {
    (self.job, self.output, self.observer) = (job, output, observer)
    options = job.modifier.options
    warnings = WarningLog(observer)
  }

  func run() throws -> RunReport {
    let survey = try Survey(opening: job.model, options, warnings)
    let folder = try PartialFolder(output: output, sources: [job.model], overwrite: job.overwrite)
    defer { folder.discard() }
    let data = try survey.model.map(calibrationData)
    let run = try Preparation(
      job, survey, sampleCount: data?.samples.count ?? 0, tokenCount: data?.sequenceLength ?? 0,
      scratchFolder: folder.path, ignoresLimits: job.ignoresLimits)
    let plan = try RunPlan(run)
    if !job.ignoresLimits {
      try plan.requireMemory(free: SystemMemory.availableByteCount)
      // What an earlier run has left is continued, or removed.
      try folder.requireSpace(plan.diskByteCount - folder.byteCount)
    }
    let description = RunDescription(run, data)
    // Reads all of the source, and finds numbers that are none before anything is tuned.
    let identity = try identity(of: run, data, description)
    let ledger = try RunLedger(
      in: folder, identity: identity, restart: job.restart, copy: run.copy,
      unitCount: run.unitNames.count)
    do {
      tell(description, plan, run, data, folder)
      try quantizeUnits(of: run, data, ledger)
      for warning in try job.modifier.end(ledger.reports) { warnings.warn(warning) }
      try requireTuned(run, ledger)
      try run.copy.writeTheRest(to: ledger.writer, recipe: options.recipe)
      try requireUnchanged(run, data, identity, description, ledger)
      return try complete(run, data, ledger, description, folder)
    } catch {
      if folder.isKept {
        observer?.observe(
          .kept(finished: ledger.keptCount, count: ledger.unitCount, folder: folder.path))
      }
      throw error
    }
  }

  // MARK: Before

  private func calibrationData(for model: SourceModel) throws -> CalibrationData {
    let length = try options.tokensOfSample(for: model)
    return try CalibrationData(
      job.dataset, tokenizer: Tokenizer(folder: job.model), sampleCount: options.sampleCount,
      sequenceLength: length, vocabularySize: model.description.vocabularySize,
      heldOutCount: job.heldOutCount(sequenceLength: length))
  }

  /// What the run is, if it is kept when it is cut off; nil for one that does not take long.
  private func identity(
    of run: Preparation, _ data: CalibrationData?, _ description: RunDescription, finished: Int = 0
  ) throws -> RunFingerprint? {
    let count = run.unitNames.count
    let progress = ReadingProgress(observer) { try checkStop(finished: finished, of: count) }
    guard let data, let setup = run.calibration?.setup else {
      try run.survey.checkpoint.requireFinite(progress: progress.note)
      return nil
    }
    return try RunFingerprint(
      source: run.survey.checkpoint, options: options, calibration: data,
      configuration: run.copy.configuration, modifier: job.modifier.identity, run: description,
      gradients: setup.gradientPrecision.rawValue, progress: progress.note)
  }

  /// Tells the observer what is about to happen.
  private func tell(
    _ description: RunDescription, _ plan: RunPlan, _ run: Preparation, _ data: CalibrationData?,
    _ folder: PartialFolder
  ) {
    if data != nil { observer?.observe(.started(description)) }
    let remarks = [folder.remark].compactMap(\.self) + (data?.warnings ?? []) + plan.warnings
    for remark in remarks { warnings.warn(remark) }
    if let remark = run.calibration?.placement.remark { observer?.observe(.warning(remark)) }
  }

  // MARK: Meanwhile

  /// Makes the finished weights of all units, or of those that an earlier run has left.
  private func quantizeUnits(
    of run: Preparation, _ data: CalibrationData?, _ ledger: RunLedger
  ) throws {
    if ledger.keptCount > 0 {
      warnings.restore(ledger.earlierWarnings)
      observer?.observe(.resumed(ledger.reports))
    }
    guard ledger.next() != nil else { return }
    let units = try source(of: run, data, ledger)
    let names = run.unitNames
    let progress = UnitProgress(
      observe: { observer?.observe($0) }, checkStop: { try checkStop(ledger) })
    while let index = ledger.next() {
      try checkStop(ledger)
      observer?.observe(.blockStarted(index: index, count: names.count, name: names[index]))
      let unit = try units.unit(index, progress: progress)
      let result = try naming(unit.name) {
        unit.layers.isEmpty ? unit.passed() : try job.modifier.sequentialEpochEnd(unit)
      }
      for warning in result.warnings { warnings.warn(warning) }
      // The weights were read where they lie in their files; this unit's are not needed again.
      run.survey.checkpoint.releasePages()
      try ledger.finish(
        result, streams: units.streams, cost: RunCost(since: started, after: ledger.earlierCost))
      if let report = result.report { observer?.observe(.blockFinished(report)) }
    }
  }

  private func source(
    of run: Preparation, _ data: CalibrationData?, _ ledger: RunLedger
  ) throws -> any UnitSource {
    guard let data, let (setup, placement) = run.calibration else { return try LayerUnits(run) }
    let states = try HiddenStates(placement)
    if try !ledger.restore(states) { try states.embed(data.samples, in: setup) }
    return CalibratedUnits(setup, run.table, states)
  }

  private func checkStop(_ ledger: RunLedger) throws {
    try checkStop(finished: ledger.keptCount, of: ledger.unitCount)
  }

  private func checkStop(finished: Int, of count: Int) throws {
    guard observer?.wantsStop == true else { return }
    throw RunInterruption(finishedBlocks: finished, blockCount: count)
  }

  // MARK: After

  /// Every block that has a layer to quantize must have become a unit with a result, and the head.
  private func requireTuned(_ run: Preparation, _ ledger: RunLedger) throws(InputError) {
    guard run.calibration != nil else { return }
    let names = run.unitNames
    let missing = Set(run.tunedUnits.map { names[$0] }).subtracting(ledger.reports.map(\.name))
    guard missing.isEmpty else {
      throw InputError(
        .missing, place: missing.sorted().joined(separator: ", "),
        "not every block was tuned; no checkpoint is written")
    }
  }

  /// Refuses a source that was written to while it was read.
  private func requireUnchanged(
    _ run: Preparation, _ data: CalibrationData?, _ identity: RunFingerprint?,
    _ description: RunDescription, _ ledger: RunLedger
  ) throws {
    guard let file = run.survey.checkpoint.changedFiles.first else { return }
    guard let identity,
      let now = try self.identity(of: run, data, description, finished: ledger.keptCount)
    else {
      throw InputError(
        .malformed, source: job.model.appending(path: file).path(percentEncoded: false),
        "was changed while it was read")
    }
    try identity.requireUnchanged(now, source: run.model)
  }

  /// Reads what was written again, measures it, says what there is to say, and puts it in its place.
  private func complete(
    _ run: Preparation, _ data: CalibrationData?, _ ledger: RunLedger,
    _ description: RunDescription, _ folder: PartialFolder
  ) throws -> RunReport {
    let completion = CheckpointCompletion(
      source: run.survey.checkpoint, output: output, reporting: job.reporting, observer: observer,
      writer: ledger.writer, folder: URL(filePath: folder.checkpointPath))
    try checkStop(ledger)
    let verification = try completion.verify(
      digests: ledger.digests,
      reach: TuningReach(
        iterations: description.iterations, learningRate: options.learningRate.fixedValue),
      options: options, warn: warnings.warn)
    try checkStop(ledger)
    let quality = try run.calibration.flatMap {
      try completion.measure(
        data?.heldOut ?? [], besides: data?.samples.count ?? 0, on: $0.setup.device,
        options: options, warn: warnings.warn, checkStop: { try checkStop(ledger) })
    }
    try checkStop(ledger)
    let cost = RunCost(since: started, after: ledger.earlierCost)
    var report = RunReport(
      model: run.model, output: output, blocks: ledger.reports, seconds: cost.seconds,
      peakMemoryBytes: cost.peakMemoryBytes, sourceBytes: run.copy.sourceByteCount,
      outputBytes: ledger.writer.tensorByteCount, bitsPerWeight: run.copy.bitsPerWeight,
      warnings: warnings.texts)
    (report.verification, report.quality) = (verification, quality)
    try job.modifier.finalize(report)
    try completion.finish(report, description, verification)
    return report
  }
}
