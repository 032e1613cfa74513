import Foundation
import JSONText
import Quantization
import QuantizedCheckpoints
import Verification

/// All that is known of a finished run: what the files about it are written from.
struct RunRecord {
  var description: RunDescription
  /// How the checkpoint is stored.
  var family: any CheckpointFamily.Type
  var report: RunReport
  var verification: VerificationReport
  var commandLine: [String]
  /// What the hub calls the source.
  var baseModel: String
  /// The source's license and languages as its own model card has them: lines of YAML.
  var frontMatter: [String]
  /// Whether the source's tokenizer formats conversations.
  var hasChatTemplate: Bool
  /// Files with the terms of the source's license.
  var licenseFiles: [String]

  /// The files that are about the run rather than part of the checkpoint. They hold times and paths, so
  /// they differ between runs that write the same checkpoint.
  static let fileNames = [VerificationReport.recordFile, "report.html", "README.md"]

  /// `quantization_report.json`.
  var json: JSONValue {
    let digests = verification.tensorDigests.sorted { $0.key < $1.key }
    var program: JSONValue = [
      "name": "autoround", "version": .string(ProgramVersion.current),
    ]
    program.set(family.name.replacing("-", with: "_"), .string(family.version))
    for (name, value) in ProgramVersion.surroundings { program.set(name, .string(value)) }
    return [
      "program": program,
      "command_line": .array(commandLine.map(JSONValue.string)),
      "base_model": .string(baseModel), "run": description.json, "result": report.json,
      "tensors": .object(digests.map { JSONValue.Member($0.key, .string($0.value)) }),
    ]
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
