import Diagnostics
import Execution
import Foundation
import LanguageModels
public import Reporting

extension QuantizationJob {
  /// Tunes the first blocks as ``run(observer:)`` does, and says what that did to them and how long it took.
  ///
  /// Blocks know nothing of those behind them, so that theirs are the losses of a whole run. Nothing is written: a
  /// checkpoint in which most layers are not what it says would look like one, and a model cut to its first blocks would be
  /// one that nobody has. Nor is the whole source read; numbers that are none show in the losses.
  ///
  /// - Parameters:
  ///   - count: The blocks.
  ///   - observer: Told what happens while it happens.
  /// - Throws: As ``run(observer:)`` does; `invalidValue` for more blocks than the model has, or if there is nothing to
  ///   quantize in them; `unsupported` for a model that is not run.
  @discardableResult
  public func trial(
    blockCount count: Int, observer: (any RunObserver)? = nil
  ) throws -> TrialReport {
    try inTurn(observer) { try tryBlocks(count, observer) }
  }

  private func tryBlocks(_ count: Int, _ observer: (any RunObserver)?) throws -> TrialReport {
    let started = ContinuousClock.now
    let warnings = WarningLog(observer)
    let survey = try Survey(opening: model, modifier.options, warnings)
    guard let source = survey.model else {
      throw InputError(
        .unsupported, source: OptionName.layers.description,
        "a model that is not run has no losses to try")
    }
    let blockCount = source.description.blocks.count
    guard (1...blockCount).contains(count) else {
      throw InputError(
        .invalidValue, source: OptionName.layers.description,
        "found \(count), expected 1 to \(blockCount), the blocks of the model")
    }
    let data = try calibrationData(for: source, in: survey)
    let prepared = try Preparation(
      self, survey, sampleCount: data.samples.count, tokenCount: data.sequenceLength,
      scratchFolder: FileManager.default.temporaryDirectory.path(percentEncoded: false),
      ignoresLimits: ignoresLimits)
    guard let (setup, placement) = prepared.calibration else {
      preconditionFailure("a model that is run is calibrated")
    }
    let tried = prepared.tunedUnits.filter { $0 < count }
    guard !tried.isEmpty else {
      throw InputError(
        .invalidValue, source: OptionName.layers.description,
        "found \(count), but no layer of so few blocks is quantized")
    }
    let plan = try RunPlan(prepared)
    if !ignoresLimits { try plan.requireMemory(free: SystemMemory.availableByteCount) }
    var description = RunDescription(prepared, data)
    description.tunedBlocks = tried
    observer?.observe(.started(description))
    for remark in data.warnings + modifier.options.remarks(on: dataset) + plan.warnings {
      warnings.warn(remark)
    }
    if let remark = placement.remark { observer?.observe(.warning(remark)) }

    let states = try HiddenStates(placement, masks: data.masks)
    try states.embed(data.samples, in: setup)
    let work = UnitWork(
      modifier: modifier, units: CalibratedUnits(setup, prepared.table, states),
      names: Array(prepared.unitNames.prefix(count)), source: survey.checkpoint,
      warnings: warnings, observer: observer)
    var reports: [BlockReport] = []
    let first = ContinuousClock.now
    for index in 0..<count {
      let report = try work.result(of: index) {
        guard observer?.wantsStop == true else { return }
        throw RunInterruption(finishedBlocks: 0, blockCount: count)
      }.report
      guard let report else { continue }
      reports.append(report)
      observer?.observe(.blockFinished(report))
    }
    for warning in try modifier.end(reports) { warnings.warn(warning) }
    let report = TrialReport(
      model: prepared.model, scheme: description.scheme, blocks: reports,
      blockCount: prepared.tunedUnits.count,
      seconds: (ContinuousClock.now - started) / .seconds(1),
      secondsPerBlock: (ContinuousClock.now - first) / .seconds(1) / Double(tried.count),
      peakMemoryByteCount: ProcessMemory.peakByteCount, warnings: warnings.texts)
    observer?.observe(.tried(report))
    return report
  }
}
