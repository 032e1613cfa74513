import ArgumentParser
import AutoRound
import Diagnostics
import Foundation

/// `autoround convert`.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a quantized checkpoint in another format, without tuning it again.",
    discussion: """
      The numbers stay what they are: integers, scales and zero points are laid out anew. Layers whose \
      numbers the format cannot hold are an error.

        autoround convert Qwen3-0.6B-W4A16 --format int-quantized --output q
        autoround convert Qwen3-0.6B-MXFP4 --format dense --output q

      dense writes the weights that the numbers stand for, for programs that know no quantization; \
      activations are then not quantized either.
      """)

  @Argument(help: "Folder of the quantized checkpoint.", completion: .directory)
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "How to write: \(CheckpointConversion.formatNames.joined(separator: ", "))."))
  var format: String

  @Option(help: "Folder to write.", completion: .directory)
  var output: String

  @Flag(help: "Replace the output folder if it exists.")
  var overwrite = false

  func validate() throws {
    try checkingArguments { _ = try CheckpointConversion.format(named: format) }
  }

  func run() throws {
    try reportingFailure {
      let report = try CheckpointConversion(
        checkpoint: URL(filePath: checkpoint), format: CheckpointConversion.format(named: format),
        output: URL(filePath: output), overwrite: overwrite
      ).run()
      try StandardOutput.print(report.lines)
    }
  }
}
