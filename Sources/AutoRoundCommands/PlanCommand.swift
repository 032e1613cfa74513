import ArgumentParser
import AutoRound
import Foundation
import JSONText
import Recordings

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

  @Option(
    help: "Folder that quantize would write; what is free on its disk is told.",
    completion: .directory)
  var output: String?

  @OptionGroup var options: QuantizeOptions

  func run() throws { try options.printPlan(output: output ?? "autoround-plan") }
}

extension QuantizeOptions {
  /// Plans a run and prints what comes of it.
  func printPlan(output: String) throws {
    let printer = ProgressPrinter()
    try reportingFailure {
      defer { printer.clear() }
      let job = try job(output: output, printer)
      printer.show(status: "measuring how long a block takes")
      let plan = try job.plan()
      printer.clear()
      try StandardOutput.print(
        json
          ? [plan.json.text()]
          : plan.lines(width: ProgressPrinter.width(of: FileHandle.standardOutput.fileDescriptor)))
    }
  }
}
