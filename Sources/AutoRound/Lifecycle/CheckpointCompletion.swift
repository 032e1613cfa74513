import Checkpoints
import Compute
import Diagnostics
import Evaluation
import Foundation
import Inspection
import Recipes
import Reporting
import Verification

/// What is done when everything of a checkpoint is written, and before it appears under its name: it is
/// read again, measured, and described.
struct CheckpointCompletion {
  var source: Checkpoint
  var output: URL
  var reporting: RunReporting
  var observer: (any RunObserver)?
  var writer: CheckpointWriter
  /// The folder in which the checkpoint is so far.
  var folder: URL

  /// What the user is told of something that a runtime would not load.
  private static func warning(about finding: VerificationReport.Finding) -> String {
    "\(finding.place): \(finding.message)"
  }

  /// What the user is told of what contracts found, but for what he does not want to hear of.
  static func warnings(
    about report: VerificationReport, _ options: ResolvedOptions
  ) -> [String] {
    report.findings.filter {
      $0.kind == .contract
        && !(options.bypassesDivisibilityChecks && report.partialGroups.contains($0))
    }.map { warning(about: $0) }
  }

  /// Reads the files again and compares them with the source and with what was handed over.
  ///
  /// - Parameters:
  ///   - digests: The SHA-256 of tensors that were handed over, by name.
  ///   - reach: How far tuning can have moved weights.
  ///   - options: Those of the run.
  ///   - warn: Told what a runtime would not load.
  /// - Throws: `malformed`, naming the first tensor or file that is not sound.
  func verify(
    digests: [(String, String)], reach: TuningReach, options: ResolvedOptions,
    warn: (String) -> Void
  ) throws(InputError) -> VerificationReport {
    observer?.observe(.verifying)
    var report = Verifier(folder, source: source.folder, reach: reach).run()
    report.checkOwnReaders(folder)
    for (name, digest) in digests where report.tensorDigests[name] != digest {
      report.findings.append(.init(.damage, name, "is not what was handed over to be written"))
    }
    for warning in Self.warnings(about: report, options) { warn(warning) }
    let damage = report.findings.filter { $0.kind == .damage }
    guard let first = damage.first else { return report }
    throw InputError(
      .malformed, source: folder.path(percentEncoded: false), place: first.place,
      "\(first.message): what was written is not sound (findings: \(damage.count)); "
        + "begin anew with \(OptionName.restart)")
  }

  /// Compares the predictions with the source's on samples that were not calibrated on, and with those of
  /// plain rounding, unless that is all that was done.
  ///
  /// - Parameters:
  ///   - sampleCount: Samples that were calibrated on.
  ///   - device: What computes.
  ///   - warn: Told if plain rounding predicts better.
  ///   - checkStop: Throws if the run is to stop.
  func measure(
    _ samples: [[Int32]], besides sampleCount: Int, on device: any Device, options: ResolvedOptions,
    warn: (String) -> Void,
    checkStop: () throws -> Void
  ) throws -> EvaluationReport? {
    guard !samples.isEmpty else { return nil }
    observer?.observe(.measuring(share: 0))
    let report = try withoutActuallyEscaping(checkStop) { checkStop in
      var evaluation = Evaluation(model: folder, reference: source.folder, compute: device.compute)
      {
        share in
        try checkStop()
        observer?.observe(.measuring(share: share))
      }
      // No more at once than a step of tuning has, so that the memory of the run suffices.
      evaluation.device = device
      evaluation.windowLimit = min(options.batchSize, sampleCount)
      return try evaluation.run(onWindows: samples, comparingRounding: !options.roundsPlainly)
    }
    if let comparison = report.comparison, let rounded = comparison.rounded,
      comparison.klDivergenceMean > rounded.klDivergenceMean
    {
      warn(
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

  /// Writes what there is to say about the run, and puts the checkpoint in its place.
  func finish(
    _ report: RunReport, _ description: RunDescription, _ verification: VerificationReport
  ) throws(InputError) {
    let documents = RunDocuments(
      of: report, description, verification, source: source, reporting)
    for file in documents.files { try writer.write(file.text, toFile: file.name) }
    try writer.finish()
    observer?.observe(.finished(report))
  }
}
