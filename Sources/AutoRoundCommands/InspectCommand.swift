import ArgumentParser
import AutoRound
import Foundation
import JSONText

/// `autoround inspect`.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a checkpoint is: its architecture, size, quantization and tokenizer.",
    discussion: """
      Reads the configuration and the headers of the tensor files, not the weights.

        autoround inspect Qwen3-0.6B
        autoround inspect Qwen3-0.6B-W4A16 --json
        autoround inspect Qwen3-0.6B-Q4_K_M.gguf
      """)

  @Argument(help: "Folder of the checkpoint, or a file of llama.cpp.", completion: .file())
  var checkpoint: String

  @Flag(help: "Print one JSON object instead.")
  var json = false

  @OptionGroup var hub: HubOptions

  func run() throws {
    try reportingFailure {
      let summary = try CheckpointSummary(opening: URL(filePath: checkpoint))
      try StandardOutput.print(json ? [summary.json.text()] : summary.lines)
    }
  }
}
