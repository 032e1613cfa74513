import Calibration
import Checkpoints
import Diagnostics
import Execution
import Foundation
import Recipes
import Reporting

/// One run from a checkpoint to its quantized copy.
struct QuantizationRun {
  let job: QuantizationJob
  let output: URL
  let observer: (any RunObserver)?
  let warnings: WarningLog
  let started = ContinuousClock.now
  /// Where the checkpoint grows.
  let folder: PartialFolder
  /// What the model is calibrated on; nil where it is not run.
  let data: CalibrationData?
  let prepared: Preparation
  let description: RunDescription

  var options: ResolvedOptions { prepared.options }
  var source: Checkpoint { prepared.survey.checkpoint }

  /// Decides the run, from the headers of the source's files and the calibration text.
  init(_ job: QuantizationJob, to output: URL, _ observer: (any RunObserver)?) throws {
    (self.job, self.output, self.observer) = (job, output, observer)
    warnings = WarningLog(observer)
    let options = job.modifier.options
    let survey = try Survey(opening: job.model, options, warnings)
    folder = try PartialFolder(output: output, sources: [job.model], overwrite: job.overwrite)
    data = try survey.model.map { try job.calibrationData(for: $0, in: survey) }
    prepared = try Preparation(
      job, survey, sampleCount: data?.samples.count ?? 0, tokenCount: data?.sequenceLength ?? 0,
      scratchFolder: folder.path, ignoresLimits: job.ignoresLimits)
    description = RunDescription(prepared, data)
  }

  func run() throws -> RunReport {
    defer { folder.discard() }
    let plan = try RunPlan(prepared)
    if !job.ignoresLimits {
      try plan.requireMemory(free: SystemMemory.availableByteCount)
      // What an earlier run has left is continued, or removed.
      try folder.requireSpace(plan.diskByteCount - folder.byteCount)
    }
    // Reads all of the source, and finds numbers that are none before anything is tuned.
    let identity = try identity(finished: 0)
    let ledger = try RunLedger(
      in: folder, identity: identity, restart: job.restart, copies: prepared.copies,
      unitCount: prepared.unitNames.count)
    try ledger.requireKept()
    do {
      tell(plan)
      try quantizeUnits(ledger)
      for warning in try job.modifier.end(ledger.reports) { warnings.warn(warning) }
      try requireTuned(ledger)
      for copy in ledger.copies { try copy.writeTheRest(recipe: options.recipe) }
      try requireUnchanged(identity, ledger)
      return try complete(ledger)
    } catch {
      if folder.isKept {
        observer?.observe(
          .kept(finished: ledger.kept.count, count: ledger.unitCount, folder: folder.path))
      }
      throw error
    }
  }

  // MARK: Before

  /// What the run is, if it is kept when it is cut off; nil for one that does not take long.
  private func identity(finished: Int) throws -> RunFingerprint? {
    let started = ContinuousClock.now
    var told = started
    // Reading that takes more than two seconds is told of, twice in a second.
    func progress(_ share: Double) throws {
      try checkStop(finished: finished)
      let now = ContinuousClock.now
      guard now - started > .seconds(2), now - told > .milliseconds(500) else { return }
      told = now
      observer?.observe(.readingSource(share: share))
    }
    guard let data, let setup = prepared.calibration?.setup else {
      try source.requireFinite(progress: progress)
      return nil
    }
    return try RunFingerprint.make(
      prepared, setup, data, modifier: job.modifier.identity, description, progress: progress)
  }

  /// Tells the observer what is about to happen.
  private func tell(_ plan: RunPlan) {
    if data != nil { observer?.observe(.started(description)) }
    let remarks =
      [folder.remark].compactMap(\.self) + (data?.warnings ?? [])
      + options.remarks(on: data == nil ? nil : job.dataset) + plan.warnings
    for remark in remarks { warnings.warn(remark) }
    if let remark = prepared.calibration?.placement.remark { observer?.observe(.warning(remark)) }
  }

  // MARK: Meanwhile

  /// Makes the finished weights of all units, or of those that an earlier run has left.
  private func quantizeUnits(_ ledger: RunLedger) throws {
    if !ledger.kept.isEmpty {
      warnings.restore(ledger.kept.flatMap(\.warnings))
      observer?.observe(.resumed(ledger.reports))
    }
    guard ledger.next() != nil else { return }
    let units = try unitSource(ledger)
    let work = UnitWork(
      modifier: job.modifier, units: units, names: prepared.unitNames, source: source,
      warnings: warnings, observer: observer)
    while let index = ledger.next() {
      let result = try work.result(of: index) { try checkStop(ledger) }
      try ledger.finish(
        result, streams: units.streams, cost: RunCost(since: started, after: ledger.earlierCost))
      if let report = result.report { observer?.observe(.blockFinished(report)) }
    }
  }

  private func unitSource(_ ledger: RunLedger) throws -> any UnitSource {
    guard let data, let (setup, placement) = prepared.calibration else {
      return LayerUnits(prepared)
    }
    let states = try HiddenStates(placement, masks: data.masks)
    if try !ledger.restore(states) { try states.embed(data.samples, in: setup) }
    return CalibratedUnits(setup, prepared.table, states)
  }

  func checkStop(_ ledger: RunLedger) throws { try checkStop(finished: ledger.kept.count) }

  private func checkStop(finished: Int) throws {
    guard observer?.wantsStop == true else { return }
    throw RunInterruption(finishedBlocks: finished, blockCount: prepared.unitNames.count)
  }

  // MARK: After

  /// Every block that has a layer to quantize must have become a unit with a result, and the head.
  private func requireTuned(_ ledger: RunLedger) throws(InputError) {
    guard data != nil else { return }
    let names = prepared.unitNames
    let missing = Set(prepared.tunedUnits.map { names[$0] }).subtracting(ledger.reports.map(\.name))
    guard missing.isEmpty else {
      throw InputError(
        .missing, place: missing.sorted().joined(separator: ", "),
        "not every block was tuned; no checkpoint is written")
    }
  }

  /// Refuses a source that was written to while it was read.
  private func requireUnchanged(_ identity: RunFingerprint?, _ ledger: RunLedger) throws {
    guard let file = source.changedFiles.first else { return }
    guard let identity, let now = try self.identity(finished: ledger.kept.count) else {
      throw InputError(
        .malformed, source: job.model.appending(path: file).path(percentEncoded: false),
        "was changed while it was read")
    }
    try identity.requireUnchanged(now, source: prepared.model)
  }
}
