import ArgumentParser
import AutoRound
import Foundation
import JSONText

/// `autoround formats`.
struct FormatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "formats",
    abstract: "List the formats that checkpoints are written in, and what loads each.",
    discussion: """
      For each format the presets of schemes that it holds, with the stored bits for each weight of a \
      layer of 4096 by 4096, scales and zero points included, and the programs that load them. What is \
      not listed, the format cannot hold: quantize says so before any time is spent.

        autoround formats
        autoround formats --json
      """)

  @Flag(help: "Print one JSON object instead.")
  var json = false

  func run() throws {
    try reportingFailure {
      let summaries = try OutputFormat.checkpoints.map { try FormatSummary($0) }
      try StandardOutput.print(
        json
          ? [(["formats": .array(summaries.map(\.json))] as JSONValue).text()]
          : summaries.flatMap { Self.lines($0) + [""] } + Self.fileLines)
    }
  }

  private static func lines(_ summary: FormatSummary) -> [String] {
    let title = "\(summary.format.name): \(summary.format.summary)"
    return [title]
      + summary.lines(
        width: ProgressPrinter.width(of: FileHandle.standardOutput.fileDescriptor)
      ).map { "  " + $0 }
  }

  /// Files of llama.cpp.
  private static var fileLines: [String] {
    let names = ConversionFormat.all.map(\.name).filter { $0.hasPrefix("gguf:") }
    return [
      "gguf:TYPE: llama.cpp; tuned by quantize (not f32, f16, bf16), or of any checkpoint by convert",
      "  \(names.joined(separator: ", "))",
      "  Integers in groups of 32, or of multiples of that, stay what they are in gguf:q4_0 (4 bits),",
      "  gguf:q5_0 (4 bits with zero points) and gguf:q8_0.",
    ]
  }
}
