import ArgumentParser
import ChatTemplates
import Checkpoints
import Evaluation
import Execution
import Foundation

/// `autoround generate`.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a text, to see what a checkpoint can still do.",
    discussion: """
      Prints what the model adds to the prompt, as it comes; with --chat, its answer to the prompt as a user's \
      message.

        autoround generate q4 --prompt "Once upon a time"
        autoround generate q4 --prompt "Once upon a time" --temperature 0.8
        autoround generate q4 --chat --prompt "Who wrote Walden?"
      """)

  @OptionGroup var options: GenerationOptions

  @Option(help: "Text to continue, or to answer.")
  var prompt: String

  @Flag(help: "Take the prompt as a user's message, by the model's chat template.")
  var chat = false

  @Option(name: .customLong("max-tokens"), help: "Tokens to add at most.")
  var tokenLimit = 64

  func validate() throws {
    try require("--max-tokens", tokenLimit, in: 1...1_000_000)
    for (option, isGiven) in [
      ("--system", options.system != nil), ("--chat-template", options.template.path != nil),
    ] where isGiven && !chat {
      throw ValidationError("\(option) has no effect without --chat; add --chat, or leave it out")
    }
  }

  func run() throws {
    try reportingFailure {
      options.computing.useThreads()
      let checkpoint = try Checkpoint.model(opening: URL(filePath: options.checkpoint))
      // Before the weights, which take long to open.
      let format =
        chat
        ? try checkpoint.chatFormat(
          file: options.template.file,
          advice: ", or leave out --chat to continue the prompt as text") : nil
      let generation = try Generation(
        checkpoint, tokenLimit: tokenLimit, temperature: options.temperature,
        compute: options.computing.type)
      if let format {
        try generation.run(Conversation(system: options.system, user: prompt), in: format) {
          try StandardOutput.write($0)
        }
      } else {
        try generation.run(prompt: prompt) { try StandardOutput.write($0) }
      }
      try StandardOutput.print([""])
    }
  }
}
