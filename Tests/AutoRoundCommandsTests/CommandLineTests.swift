import ArgumentParser
import AutoRoundCommands
import Testing

/// The command line as such: what is understood, and what is said about what is not.
@Suite struct CommandLineTests {
  @Test(arguments: [
    [], ["inspect", "model"], ["inspect", "model", "--json"],
    ["quantize", "model", "--output", "out"], ["evaluate", "model", "--text", "file.txt"],
    [
      "evaluate", "model", "--text", "file.txt", "--against", "other", "--sequence-length", "2",
      "--json",
    ],
    ["generate", "model", "--prompt", "Once"],
    ["generate", "model", "--chat", "--prompt", "Once", "--system", "S", "--chat-template", "t"],
    ["chat", "model"], ["list", "schemes"], ["list", "formats", "--json"], ["list", "models"],
    ["quantize", "model", "--bits", "3", "--group-size", "64", "--asym"],
    ["plan", "model", "--bits", "8", "--group-size=-1", "--sym", "--scheme", "W8A16"],
    ["quantize", "model", "--recipe", "r.yaml", "--group-size", "64"],
    ["quantize", "model", "--layers", "2", "--minmax-lr", "1e-3", "--preset", "fastest"],
    ["quantize", "model", "--gradient-accumulate-steps", "4"],
    ["chat", "model", "--system", "S", "--chat-template", "t", "--max-tokens", "9"],
    ["quantize", "model", "--output", "out", "--chat-template", "t"],
    ["quantize", "model", "--output", "out", "--no-chat-template"],
    ["generate", "model", "--prompt", "", "--max-tokens", "1", "--temperature", "0.5"],
    [
      "quantize", "model", "--output", "out", "--scheme", "W4A16", "--ignore", "lm_head", "re:.*q",
      "--calibration", "file.txt", "--samples", "128", "--sequence-length", "2048", "--batch-size",
      "8", "--iterations", "200", "--learning-rate", "5e-3", "--preset", "best", "--compute",
      "bf16",
      "--threads", "2", "--seed", "42", "--overwrite", "--json",
    ],
    [
      "quantize", "--output", "out", "--recipe", "recipe.yaml", "--ignore", "a", "b", "--json",
      "model",
    ],
  ])
  func understands(arguments: [String]) throws {
    _ = try AutoRoundCommand.parseAsRoot(arguments)
  }

  @Test(
    arguments: [
      (["quantize", "--output", "out"], "Missing expected argument '<checkpoint>'"),
      (
        ["quantize", "m", "--output", "o", "--scheme", "W4A16", "--recipe", "r"],
        "--scheme and --recipe exclude each other; keep one of them"
      ),
      (
        ["quantize", "m", "--output", "o", "--samples=-1"],
        "--samples must be a whole number from 1 to 1000000; it is -1"
      ),
      (
        ["quantize", "m", "--output", "o", "--samples", "many"],
        "The value 'many' is invalid for '--samples <samples>'"
      ),
      (
        ["quantize", "m", "--output", "o", "--batch-size", "0"],
        "--batch-size must be a whole number from 1 to 65536; it is 0"
      ),
      (
        ["quantize", "m", "--output", "o", "--sequence-length", "0"],
        "--sequence-length must be a whole number from 1 to 1048576; it is 0"
      ),
      (
        ["quantize", "m", "--output", "o", "--iterations=-1"],
        "--iterations must be a whole number from 0 to 1000000; it is -1"
      ),
      (
        ["quantize", "m", "--output", "o", "--learning-rate", "nan"],
        "--learning-rate must be a number above 0; it is nan"
      ),
      (
        ["quantize", "m", "--output", "o", "--learning-rate", "0"],
        "--learning-rate must be a number above 0; it is 0.0"
      ),
      (
        ["quantize", "m", "--output", "o", "--momentum", "1"],
        "--momentum must be a number from 0.0 up to 1.0; it is 1.0"
      ),
      (
        ["quantize", "m", "--output", "o", "--group-size", "0"],
        "--group-size must be a whole number from 1 to 2147483648, or -1 for whole rows; it is 0"
      ),
      (
        ["quantize", "m", "--bits", "9"], "--bits must be a whole number from 2 to 8; it is 9"
      ),
      (
        ["quantize", "m", "--sym", "--asym"],
        "--sym and --asym exclude each other; keep one of them"
      ),
      (
        ["plan", "m", "--recipe", "r", "--asym"],
        "--asym and --recipe exclude each other; keep one of them"
      ),
      (
        ["plan", "m", "--recipe", "r", "--bits", "4"],
        "--bits and --recipe exclude each other; keep one of them"
      ),
      (
        ["quantize", "m", "--minmax-lr", "0"], "--minmax-lr must be a number above 0; it is 0.0"
      ),
      (
        ["quantize", "m", "--gradient-accumulate-steps", "0"],
        "--gradient-accumulate-steps must be a whole number from 1 to 65536; it is 0"
      ),
      (["quantize", "m", "--layers", "0"], "--layers must be from 1 to 1048576; it is 0"),
      (
        ["quantize", "m", "--layers", "1", "--dry-run"],
        "--layers and --dry-run exclude each other; keep one of them"
      ),
      (["list"], "Missing expected argument '<subject>'"),
      (["list", "colours"], "The value 'colours' is invalid for '<subject>'"),
      (
        ["quantize", "m", "--output", "o", "--seed=-1"],
        "--seed must be a whole number from 0 to 4294967295; it is -1"
      ),
      (
        ["quantize", "m", "--output", "o", "--threads", "0"],
        "--threads must be from 1 to 1024; it is 0"
      ),
      (
        ["quantize", "m", "--output", "o", "--samples", "99999999999999999999"],
        "The value '99999999999999999999' is invalid for '--samples <samples>'"
      ),
      (["quantize", "m", "--output", "o", "--preset", "great"], "The value 'great' is invalid"),
      (["quantize", "m", "--output", "o", "--compute", "f16"], "The value 'f16' is invalid"),
      (["evaluate", "m"], "Missing expected argument '--text <text>'"),
      (
        ["evaluate", "m", "--text", "t", "--sequence-length", "1"],
        "--sequence-length must be from 2 to 1048576; it is 1"
      ),
      (["generate", "m"], "Missing expected argument '--prompt <prompt>'"),
      (
        ["generate", "m", "--prompt", "p", "--max-tokens", "0"],
        "--max-tokens must be from 1 to 1000000; it is 0"
      ),
      (
        ["generate", "m", "--prompt", "p", "--temperature=-0.5"],
        "--temperature must be 0 or a number above; it is -0.5"
      ),
      (
        ["generate", "m", "--prompt", "p", "--temperature", "nan"],
        "--temperature must be 0 or a number above; it is nan"
      ),
      (
        ["generate", "m", "--prompt", "p", "--system", "s"], "--system has no effect without --chat"
      ),
      (
        ["generate", "m", "--prompt", "p", "--chat-template", "t"],
        "--chat-template has no effect without --chat"
      ),
      (["chat", "m", "--max-tokens", "0"], "--max-tokens must be from 1 to 1000000; it is 0"),
      (
        ["quantize", "m", "--output", "o", "--chat-template", "t", "--no-chat-template"],
        "--chat-template and --no-chat-template exclude each other; keep one of them"
      ),
      (["inspect"], "Missing expected argument '<checkpoint>'"),
      (["inspect", "a", "b"], "Unexpected argument 'b'"),
      (["inspect", "a", "--jsn"], "Unknown option '--jsn'"),
    ] as [([String], String)])
  func refuses(arguments: [String], message: String) throws {
    let error = #expect(throws: (any Error).self) { try AutoRoundCommand.parseAsRoot(arguments) }
    let text = AutoRoundCommand.message(for: try #require(error))
    #expect(text.contains(message), "\(text)")
    #expect(AutoRoundCommand.exitCode(for: try #require(error)) == .validationFailure)
  }

  @Test func helpTeachesByExample() {
    for command in AutoRoundCommand.configuration.subcommands {
      let help = AutoRoundCommand.helpMessage(for: command, columns: 80)
      let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
      let example = "  autoround \(command._commandName) "
      #expect(lines.contains { $0.hasPrefix(example) }, "\(help)")
      // An example that does not fit would go on at the beginning of the next line.
      for (line, next) in zip(lines, lines.dropFirst()) where line.hasPrefix(example) {
        #expect(next.isEmpty || next.hasPrefix(example), "\(line)\n\(next)")
      }
    }
  }
}
