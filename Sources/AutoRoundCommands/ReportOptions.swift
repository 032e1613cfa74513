import ArgumentParser
import AutoRound
import Foundation

/// What a run tells while it runs, and writes about itself.
struct ReportOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "File to add the run's events to, one JSON object a line.",
      discussion: "Each has `time` and `event`; for programs that watch a run."),
    completion: .file(extensions: ["jsonl"]))
  var events: String?

  @Option(
    help: ArgumentHelp(
      "File to add the run's lines to, with their times.",
      discussion: "It is still there when the terminal is not."),
    completion: .file(extensions: ["log", "txt"]))
  var log: String?

  @Option(
    help: ArgumentHelp(
      "What the hub calls the checkpoint, for the model card.",
      discussion: "Unless given, what its files or its folder's name say."))
  var baseModel: String?

  @Option(
    help: ArgumentHelp(
      "Tokens of the calibration text to keep apart, and to measure the result on; 0: none.",
      discussion:
        "Never more than an eighth of what is calibrated on, unless that is less than 2,000 tokens."
    ))
  var heldOut = 8192

  func validate() throws {
    try require("--held-out", heldOut, in: 0...1 << 30)
  }

  /// The files that were asked for.
  func openLogs() throws -> [RunLog] {
    let files: [(RunLog.Form, String?)] = [(.events, events), (.lines, log)]
    return try files.compactMap { form, path in
      try path.map { try RunLog(form, file: URL(filePath: $0)) }
    }
  }

  var reporting: RunReporting {
    var reporting = RunReporting()
    reporting.commandLine = CommandLine.arguments
    reporting.baseModel = baseModel
    reporting.heldOutTokenCount = heldOut
    return reporting
  }
}
