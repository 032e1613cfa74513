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
    var outputs: [OutputReport] = []
    for copy in ledger.copies {
      outputs.append(
        OutputReport(
          format: copy.copy.format.name,
          folder: copy.copy.folder.map { output.appending(path: $0) } ?? output,
          byteCount: copy.copy.plan.tensorByteCount, bitsPerWeight: copy.copy.bitsPerWeight,
          verification: try verify(copy, ledger)))
      try checkStop(ledger)
    }
    let quality = try measure(ledger)
    try checkStop(ledger)
    let cost = RunCost(since: started, after: ledger.earlierCost)
    var report = RunReport(
      model: prepared.model, output: output, outputs: outputs, blocks: ledger.reports,
      seconds: cost.seconds,
      peakMemoryByteCount: cost.peakMemoryByteCount, sourceByteCount: prepared.copy.sourceByteCount,
      warnings: warnings.texts)
    report.quality = quality
    try job.modifier.finalize(report)
    for (position, copy) in ledger.copies.enumerated() {
      let record = RunRecord(
        description, readers: copy.copy.contents.readers, report, ofOutput: position, job.reporting,
        SourceCard(of: source))
      for file in record.files { try copy.writer.write(file.text, toFile: file.name) }
      try copy.writer.complete()
    }
    try folder.commit()
    observer?.observe(.finished(report))
    return report
  }

  /// Reads the files again and compares them with the source and with what was handed over.
  private func verify(
    _ copy: GrowingCopy, _ ledger: RunLedger
  ) throws(InputError) -> VerificationReport {
    observer?.observe(.verifying)
    let checkpoint = URL(filePath: copy.writer.root)
    let reach = TuningReach(
      iterations: description.iterations, learningRate: options.learningRate.fixedValue)
    var report = copy.copy.contents.verified(in: checkpoint, source: source.folder, reach: reach)
    for (name, digest) in ledger.digests(of: copy) where report.tensorDigests[name] != digest {
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
      model: URL(filePath: ledger.copies[0].writer.root)
    ) { share in
      try checkStop(ledger)
      observer?.observe(.measuring(share: share))
    }
    // As it was quantized, and not as a runtime computes it if it is quantized already.
    evaluation.source = setup.model
    evaluation.device = setup.device
    evaluation.opened = try prepared.copy.readable(in: evaluation.model)
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
