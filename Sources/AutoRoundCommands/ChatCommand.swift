import ArgumentParser
import ChatTemplates
import Checkpoints
import Diagnostics
import Evaluation
import Execution
import Foundation

/// `autoround chat`.
struct ChatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat",
    abstract: "Talk with a checkpoint, by its chat template.",
    discussion: """
      Each line of standard input is a message; the model's answer is printed as it comes, and the conversation \
      goes on. /new begins another one, /quit or the end of the input (Ctrl-D) ends.

        autoround chat q4
        autoround chat q4 --system "Answer in French." --temperature 0.7
        autoround chat q4 < questions.txt
      """)

  @OptionGroup var options: GenerationOptions

  @Option(name: .customLong("max-tokens"), help: "Tokens of an answer at most.")
  var tokenLimit = 512

  func validate() throws {
    try require("--max-tokens", tokenLimit, in: 1...1_000_000)
  }

  func run() throws {
    try reportingFailure {
      options.computing.useThreads()
      let checkpoint = try Checkpoint.model(opening: URL(filePath: options.checkpoint))
      let format = try checkpoint.chatFormat(
        file: options.template.file,
        advice: ", or continue texts with: autoround generate")
      let generation = try Generation(
        checkpoint, tokenLimit: tokenLimit, temperature: options.temperature,
        compute: options.computing.type)
      try talk(generation, format)
    }
  }

  private func talk(_ generation: Generation, _ format: ChatFormat) throws {
    let isTerminal = isatty(STDIN_FILENO) == 1
    let start = Conversation(system: options.system)
    var conversation = start
    while true {
      if isTerminal { complain("> ") }
      guard let line = try StandardInput.line() else { break }
      switch line.trimmingCharacters(in: .whitespaces) {
      case "": continue
      case "/quit": return
      case "/new":
        conversation = start
        continue
      default: break
      }
      var asked = conversation
      asked.add("user", line)
      do {
        let answer = try generation.run(asked, in: format) { try StandardOutput.write($0) }
        try StandardOutput.print([""])
        asked.add("assistant", answer)
        conversation = asked
      } catch let error as InputError where isTerminal && error.code != .unwritable {
        // Such as a message that is too long: the user can say something else.
        try StandardOutput.print([""])
        complain("error: \(error)\n")
      }
    }
    if isTerminal { complain("\n") }
  }
}
