import ArgumentParser
import AutoRound
import Diagnostics
import Foundation
import JSONText
import Verification

/// `autoround verify`.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Read a quantized checkpoint again and say whether it is sound.",
    discussion: """
      Checks how the files fit together, every scale, zero point and padding bit, what transformers \
      and vLLM ask for, and with --source that every tensor of the source is there, copied bit for \
      bit or quantized from it. Digests that were recorded when the checkpoint was written \
      (SHA256SUMS and quantization_report.json) are compared if they are there; with them every \
      flipped bit is found. The exit code is 0 if all is well, else 1.

        autoround verify Qwen3-0.6B-W4A16
        autoround verify Qwen3-0.6B-W4A16 --source Qwen3-0.6B
        autoround verify Qwen3-0.6B-W4A16 --source Qwen3-0.6B-Q8_0.gguf
        autoround verify Qwen3-0.6B-W4A16 --json
        autoround verify Qwen3-0.6B-Q4_0.gguf
      """)

  @Argument(
    help: "Folder of the quantized checkpoint, or a file of llama.cpp.", completion: .file())
  var checkpoint: String

  @Option(
    help: "Folder of the checkpoint that it was made from, or a file of llama.cpp.",
    completion: .file())
  var source: String?

  @Flag(help: "Print one JSON object instead.")
  var json = false

  @OptionGroup var hub: HubOptions

  func run() throws {
    try reportingFailure {
      // Before anything is read, which may take long.
      if let source { try Verifier.requireSource(at: URL(filePath: source)) }
      let report = try report(of: URL(filePath: checkpoint), source.map { URL(filePath: $0) })
      try StandardOutput.print(json ? [report.json.text()] : report.lines)
      guard report.findings.isEmpty else {
        throw InputError(
          .malformed, source: checkpoint, "is not sound: \(report.countOfFindings)")
      }
    }
  }

  private func report(of location: URL, _ source: URL?) throws -> VerificationReport {
    if let file = try VerificationReport.ofFile(at: location, source: source) { return file }
    try Verifier.requireSource(at: location)
    var report = try Verifier(location, madeFrom: source).run()
    report.checkOwnReaders(location)
    return report
  }
}
