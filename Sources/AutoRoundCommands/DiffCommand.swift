import ArgumentParser
import AutoRound
import Foundation
import JSONText

/// `autoround diff`.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints tensor by tensor.",
    discussion: """
      Quantized weights are compared as the numbers that they stand for, so either side may be \
      quantized: a checkpoint with what was made of it, or two ways to quantize one model. The \
      relative error is the root mean square of the difference, over that of the first \
      checkpoint's numbers. The worst tensors come first.

        autoround diff Qwen3-0.6B Qwen3-0.6B-W4A16
        autoround diff q4 q4-more-samples --all
        autoround diff q3 q4 --json
      """)

  @Argument(help: "Folder of the first checkpoint, or a file of llama.cpp.", completion: .file())
  var first: String

  @Argument(help: "Folder of the second checkpoint, or a file of llama.cpp.", completion: .file())
  var second: String

  @Flag(help: "Name all tensors that differ, not only the 20 worst.")
  var all = false

  @Flag(help: "Print one JSON object instead.")
  var json = false

  @OptionGroup var hub: HubOptions

  func run() throws {
    try reportingFailure {
      let difference = try CheckpointDifference.between(
        URL(filePath: first), URL(filePath: second))
      try StandardOutput.print(
        json ? [difference.json.text()] : difference.lines(limit: all ? nil : 20))
    }
  }
}
