import Diagnostics
import Evaluation
import Foundation
import JSONText
import Quantization
package import Verification

/// All that is known of a finished run: what the files about it are written from.
package struct RunRecord {
  let description: RunDescription
  /// Who reads the checkpoint.
  let readers: FormatReaders
  let report: RunReport
  /// What was written, and what was found in it as it lies on the disk.
  let output: OutputReport
  let verification: VerificationReport
  let reporting: RunReporting
  /// What the source says about itself: its license and its name on the hub are passed on.
  let card: SourceCard

  /// - Parameter index: Which of the outputs of the run it is beside.
  package init(
    _ description: RunDescription, readers: FormatReaders, _ report: RunReport,
    ofOutput index: Int, _ reporting: RunReporting, _ card: SourceCard
  ) {
    (self.description, self.readers) = (description, readers)
    (self.report, output) = (report, report.outputs[index])
    guard let verification = output.verification else {
      preconditionFailure("nothing is said of a checkpoint that was not read again")
    }
    self.verification = verification
    (self.reporting, self.card) = (reporting, card)
  }

  /// What the hub calls the source.
  var baseModel: String { reporting.baseModel ?? card.name }

  /// The files that are about the run rather than part of the checkpoint. They hold times and paths, so
  /// they differ between runs that write the same checkpoint.
  static let fileNames = [VerificationReport.recordFile, "report.html", "README.md"]

  /// What is written beside the checkpoint: the names of the files and what is in them.
  package var files: [(name: String, text: String)] {
    let texts = [
      json.text(indentation: 1) + "\n", HTMLReport(record: self).text, ModelCard(record: self).text,
      verification.sums,
    ]
    return Array(zip(Self.fileNames + [VerificationReport.sumsFile], texts))
  }

  /// `quantization_report.json`.
  private var json: JSONValue {
    let digests = verification.tensorDigests.sorted { $0.key < $1.key }
    var program: JSONValue = [
      "name": "autoround", "version": .string(ProgramVersion.current),
    ]
    program.set(readers.name.replacing("-", with: "_"), .string(readers.version))
    for (name, value) in ProgramVersion.surroundings { program.set(name, .string(value)) }
    return [
      "program": program,
      "command_line": .array(reporting.commandLine.map(JSONValue.string)),
      "base_model": .string(baseModel), "run": description.json, "result": report.json,
      "tensors": .object(digests.map { JSONValue.Member($0.key, .string($0.value)) }),
    ]
  }

  /// What the card and the page say of the checkpoint, each in words.
  var facts: [(name: String, value: String)] {
    var facts = [
      (
        "size",
        "\(Quantities.bytes(output.byteCount)), source \(Quantities.bytes(report.sourceByteCount))"
      ),
      ("bits per quantized weight", Quantities.decimal(output.bitsPerWeight)),
      (
        "tensor parallelism",
        verification.tensorParallelSizes.map(String.init).joined(separator: ", ")
      ),
    ]
    if let storage = description.sourceStorage {
      facts.insert(("weights of the source", storage), at: 1)
    }
    if let experts = report.expertsLine { facts.append(("calibration tokens of experts", experts)) }
    guard let quality = report.quality, let comparison = quality.comparison else {
      return facts + [("perplexity, held-out text", "not measured")]
    }
    facts += [
      (
        "perplexity, held-out text",
        "\(Quantities.decimal(quality.perplexity)), source "
          + "\(Quantities.decimal(comparison.referencePerplexity)), on "
          + "\(Quantities.count(quality.tokens)) tokens"
      ),
      (
        "KL divergence from the source",
        "\(Quantities.significant(comparison.klDivergenceMean)) nats on average, "
          + "\(Quantities.significant(comparison.klDivergenceP99)) at most for 99 % of the tokens"
      ),
      ("same most likely token", Quantities.percent(comparison.sameTopToken)),
    ]
    if let rounded = comparison.rounded {
      facts.append(
        (
          "plain rounding, the same text",
          "perplexity \(Quantities.decimal(rounded.perplexity)), KL divergence "
            + Quantities.significant(rounded.klDivergenceMean)
        ))
    }
    return facts
  }
}

extension VerificationReport {
  /// The lines of `SHA256SUMS`: the files of the checkpoint, in the form of `sha256sum`.
  package var sums: String {
    let own = RunRecord.fileNames + [Self.sumsFile]
    return files.filter { !own.contains($0.name) }
      .map { "\($0.digest)  \($0.name)\n" }.joined()
  }
}
