import ArgumentParser

/// `autoround plan`: what `quantize` would do, with the very same arguments.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Say what quantize would do, and what it would take, without doing it.",
    discussion: """
      Takes the same arguments as quantize; --output is optional. quantize --dry-run does the same. Reads \
      the headers of the source's files and what is beside them, but no numbers: those that are \
      infinite or NaN are found when quantize starts. Tunes a block for a few seconds, ten at the \
      most on a usual machine, to know how long all of them take.

        autoround plan Qwen3-0.6B
        autoround plan Qwen3-0.6B --scheme W2A16 --preset best
        autoround plan Qwen3-0.6B --recipe recipe.yaml --json

      Prints the layers with their schemes; what stays as it is, and why; the files, exact to the \
      byte (those about the run itself, README.md, report.html and quantization_report.json, come \
      on top); stored bits for each weight; memory, disk and time; how many devices can share the \
      result; and what loads it.
      """)

  @Argument(
    parsing: .captureForPassthrough, help: "The checkpoint's folder and options of quantize.")
  var arguments: [String] = []

  func run() throws {
    guard !arguments.contains("--help"), !arguments.contains("-h") else {
      throw CleanExit.helpRequest(self)
    }
    let isOutputGiven = arguments.contains { $0 == "--output" || $0.hasPrefix("--output=") }
    let output = isOutputGiven ? [] : ["--output", "autoround-plan"]
    let quantize = try QuantizeCommand.parse(arguments + output + ["--dry-run"])
    try quantize.run()
  }
}
