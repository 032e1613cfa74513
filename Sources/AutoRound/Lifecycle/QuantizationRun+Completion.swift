import Checkpoints
import Diagnostics
import Evaluation
import Foundation
import Inspection
import Recipes
import Reporting
import Verification

/// What is done when everything of a checkpoint is written, and before it appears under its name: it is read again,
/// measured, and described.
extension QuantizationRun {
  /// - Throws: `malformed`, naming the first tensor or file that is not sound.
  func complete(_ ledger: RunLedger) throws -> RunReport {
    try checkStop(ledger)
    let verification = try verify(ledger)
    try checkStop(ledger)
    let quality = try measure(ledger)
    try checkStop(ledger)
    let cost = RunCost(since: started, after: ledger.earlierCost)
    var report = RunReport(
      model: prepared.model, output: output, blocks: ledger.reports, seconds: cost.seconds,
      peakMemoryByteCount: cost.peakMemoryByteCount, sourceByteCount: prepared.copy.sourceByteCount,
      outputByteCount: ledger.writer.tensorByteCount, bitsPerWeight: prepared.copy.bitsPerWeight,
      warnings: warnings.texts)
    (report.verification, report.quality) = (verification, quality)
    try job.modifier.finalize(report)
    let record = RunRecord(
      description, family: prepared.copy.family, report, verification, job.reporting,
      SourceCard(of: source))
    for file in record.files { try ledger.writer.write(file.text, toFile: file.name) }
    try ledger.writer.finish()
    observer?.observe(.finished(report))
    return report
  }

  /// Where the checkpoint is so far.
  private var checkpoint: URL { URL(filePath: folder.checkpointPath) }

  /// Reads the files again and compares them with the source and with what was handed over.
  private func verify(_ ledger: RunLedger) throws(InputError) -> VerificationReport {
    observer?.observe(.verifying)
    let reach = TuningReach(
      iterations: description.iterations, learningRate: options.learningRate.fixedValue)
    var report = Verifier(checkpoint, source: source.folder, reach: reach).run()
    report.checkOwnReaders(checkpoint)
    for (name, digest) in ledger.digests where report.tensorDigests[name] != digest {
      report.findings.append(.init(.damage, name, "is not what was handed over to be written"))
    }
    for warning in report.warnings(options) { warnings.warn(warning) }
    let damage = report.findings.filter { $0.kind == .damage }
    guard let first = damage.first else { return report }
    throw InputError(
      .malformed, source: checkpoint.path(percentEncoded: false), place: first.place,
      "\(first.message): what was written is not sound (findings: \(damage.count)); "
        + "begin anew with \(OptionName.restart)")
  }

  /// Compares the predictions with the source's on samples that were not calibrated on, and with those of
  /// plain rounding, unless that is all that was done.
  private func measure(_ ledger: RunLedger) throws -> EvaluationReport? {
    guard let data, !data.heldOut.isEmpty, let setup = prepared.calibration?.setup else {
      return nil
    }
    observer?.observe(.measuring(share: 0))
    var evaluation = Evaluation(
      model: checkpoint, reference: source.folder
    ) { share in
      try checkStop(ledger)
      observer?.observe(.measuring(share: share))
    }
    evaluation.device = setup.device
    // No more at once than a step of tuning has, so that the memory of the run suffices.
    evaluation.windowLimit = min(options.batchSize, data.samples.count)
    let report = try evaluation.run(
      onWindows: data.heldOut, comparingRounding: !options.roundsPlainly)
    if let comparison = report.comparison, let rounded = comparison.rounded,
      comparison.klDivergenceMean > rounded.klDivergenceMean
    {
      warnings.warn(
        "on held-out text the result is worse than plain rounding: KL divergence "
          + "\(Quantities.significant(comparison.klDivergenceMean)) against "
          + "\(Quantities.significant(rounded.klDivergenceMean)), perplexity "
          + "\(Quantities.decimal(report.perplexity)) against \(Quantities.decimal(rounded.perplexity)); "
          + (options.iterations > 0
            ? "more \(OptionName.iterations) or \(OptionName.sampleCount), or calibration text like that "
              + "which the model will see, may help"
            : "\(OptionName.disablesOptimizedRounding) rounds plainly"))
    }
    return report
  }
}

extension VerificationReport {
  /// What the user is told of what a runtime would not load, but for what he does not want to hear of.
  func warnings(_ options: ResolvedOptions) -> [String] {
    findings.filter {
      $0.kind == .contract
        && !(options.bypassesDivisibilityChecks && partialGroups.contains($0))
    }.map { "\($0.place): \($0.message)" }
  }
}
