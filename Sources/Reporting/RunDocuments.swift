package import Checkpoints
import JSONText
package import QuantizedCheckpoints
package import Verification

/// What is written beside a checkpoint about the run that made it.
package struct RunDocuments {
  /// The names of the files and what is in them.
  package let files: [(name: String, text: String)]

  /// Describes a run.
  ///
  /// - Parameters:
  ///   - source: What was quantized: its license and its name on the hub are passed on.
  ///   - family: How the checkpoint is stored.
  ///   - verification: What was found in the checkpoint as it lies on the disk.
  package init(
    of report: RunReport, _ description: RunDescription, _ verification: VerificationReport,
    source: Checkpoint, family: any CheckpointFamily.Type, _ reporting: RunReporting
  ) {
    let card = SourceCard(folder: source.folder, configuration: source.configuration)
    let record = RunRecord(
      description: description, family: family, report: report, verification: verification,
      commandLine: reporting.commandLine, baseModel: reporting.baseModel ?? card.name,
      frontMatter: card.frontMatter, hasChatTemplate: card.hasChatTemplate,
      licenseFiles: SourceCard.licenseFiles(source))
    let texts = [
      record.json.text(indentation: 1) + "\n", HTMLReport(record: record).text,
      ModelCard(record: record).text, verification.sums,
    ]
    files = Array(zip(RunRecord.fileNames + [VerificationReport.sumsFile], texts))
  }
}
