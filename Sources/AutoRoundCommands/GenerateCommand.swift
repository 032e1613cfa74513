import ArgumentParser
import Evaluation
import Foundation

/// `autoround generate`.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a text, to see what a checkpoint can still do.",
    discussion: """
      Prints what the model adds to the prompt, as it comes.

        autoround generate q4 --prompt "Once upon a time"
        autoround generate q4 --prompt "Once upon a time" --temperature 0.8
      """)

  @Argument(help: "Folder of the checkpoint, quantized or not.", completion: .directory)
  var checkpoint: String

  @Option(help: "Text to continue.")
  var prompt: String

  @Option(name: .customLong("max-tokens"), help: "Tokens to add at most.")
  var tokenLimit = 64

  @Option(
    help: ArgumentHelp(
      "0 takes the most likely token each time.",
      discussion: "Above 0 tokens are drawn by chance, the same for the same prompt each time."))
  var temperature = 0.0

  @OptionGroup var computing: ComputeOptions

  func validate() throws {
    try require("--max-tokens", tokenLimit, in: 1...1_000_000)
    guard temperature >= 0, temperature.isFinite else {
      throw ValidationError("--temperature must be 0 or a number above; it is \(temperature)")
    }
  }

  func run() throws {
    try reportingFailure {
      computing.useThreads()
      let generation = try Generation(
        model: URL(filePath: checkpoint), tokenLimit: tokenLimit, temperature: temperature,
        compute: computing.type)
      try generation.run(prompt: prompt) { try StandardOutput.write($0) }
      try StandardOutput.print([""])
    }
  }
}
