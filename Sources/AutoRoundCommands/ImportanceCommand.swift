import ArgumentParser
import AutoRound
import Foundation
import Importances

/// `autoround importance`.
struct ImportanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "importance",
    abstract: "Measure what errors in a model's weights matter, for files of llama.cpp.",
    discussion: """
      Runs the model in full precision on calibration text, and sums up the squares of what each column \
      of each matrix reads, as quantize does for itself and llama-imatrix for llama.cpp. The file is what \
      llama-quantize takes as --imatrix, and convert as --importance.

        autoround importance Qwen3-0.6B --output qwen3.imatrix.gguf

      Either of these then rounds by it:

        autoround convert Qwen3-0.6B --format gguf:q4_k_m --importance qwen3.imatrix.gguf --output q
        llama-quantize --imatrix qwen3.imatrix.gguf Qwen3-0.6B-F16.gguf q4_k_m

      With the same calibration text, samples and length, these are the numbers that quantize works with.
      """)

  @Argument(help: "Folder of the checkpoint, in full precision.", completion: .directory)
  var checkpoint: String

  @Option(help: "File to write.", completion: .file(extensions: ["gguf"]))
  var output: String

  @Option(
    help: ArgumentHelp("File with calibration data, as quantize takes it.", valueName: "file"),
    completion: .file(extensions: ["jsonl", "json", "txt"]))
  var calibration: [String] = []

  @OptionGroup var template: ChatTemplateOption

  @Option(help: "Samples.")
  var samples = 128

  @Option(help: "Tokens of each, at most those that the model has positions for.")
  var sequenceLength = 2048

  @OptionGroup var computing: ComputeOptions

  @Flag(help: "Replace the file if it exists.")
  var overwrite = false

  @OptionGroup var hub: HubOptions

  func validate() throws {
    try require("--samples", samples, in: 1...1_048_576)
    try require("--sequence-length", sequenceLength, in: 1...1_048_576)
  }

  func run() throws {
    let printer = ProgressPrinter()
    try reportingFailure {
      defer { printer.clear() }
      computing.useThreads()
      let file = URL(filePath: output)
      if !overwrite, FileManager.default.fileExists(atPath: file.path) {
        throw InputError(
          .unwritable, source: output, "exists already; --overwrite replaces it")
      }
      var measurement = ImportanceMeasurement(
        model: URL(filePath: checkpoint),
        dataset: try calibration.isEmpty ? .builtin : CalibrationSource(files: calibration),
        sampleCount: samples, sequenceLength: sequenceLength)
      measurement.template = template.file.map { .file($0) } ?? .model
      measurement.compute = computing.type
      measurement.progress = { printer.show(status: "measuring  \(Int($0 * 100)) %") }
      let lines = try measurement.run(writingTo: file)
      printer.clear()
      try StandardOutput.print(lines)
    }
  }
}

extension ImportanceCommand: CheckpointReading {
  mutating func replaceCalibration(_ body: (inout String) throws -> Void) throws {
    try calibration.replaceEach(body)
  }

  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&checkpoint)
  }
}
