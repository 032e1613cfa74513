import ArgumentParser
import AutoRound
import Foundation
import JSONText

/// `autoround list`.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List schemes of quantization, formats of checkpoints, or families of models.",
    discussion: """
      schemes: what --scheme can be, what each does to weights and to the inputs of layers, the stored \
      bits for each weight of a layer of 4096 by 4096, scales and zero points included, and the formats \
      that hold it.

      formats: what --format can be, the schemes that each holds, and the programs that load them. What is \
      not listed, the format cannot hold: quantize says so before any time is spent.

      models: the families of models that can be tuned, evaluated and continued. The model_type in a \
      model's config.json says which family it is of. A model of any other type can still be rounded \
      without being run: quantize --model-free.

        autoround list schemes
        autoround list formats
        autoround list models --json

      Any of the three is a command of its own too: autoround formats.
      """)

  /// What can be listed.
  enum Subject: String, CaseIterable, ExpressibleByArgument {
    case schemes, formats, models
  }

  @Argument(
    help: "schemes, formats or models.", completion: .list(Subject.allCases.map(\.rawValue)))
  var subject: Subject

  @Flag(help: "Print one JSON object instead.")
  var json = false

  func run() throws {
    try reportingFailure {
      switch subject {
      case .schemes: try listSchemes()
      case .formats: try listFormats()
      case .models: try listModels()
      }
    }
  }

  private func listSchemes() throws {
    let summaries = try SchemeSummary.all()
    try show("schemes", summaries.map(\.json)) {
      SchemeSummary.lines(summaries, width: width) + [
        "GGUF:TYPE, such as GGUF:Q4_K_M: the types of a file of llama.cpp, with --format gguf:TYPE"
      ]
    }
  }

  // MARK: Formats

  private func listFormats() throws {
    let summaries = try OutputFormat.checkpoints.map { try FormatSummary($0) }
    try show("formats", summaries.map(\.json)) {
      summaries.flatMap { summary in
        ["\(summary.format.name): \(summary.format.summary)"]
          + summary.lines(width: width).map { "  " + $0 } + [""]
      } + Self.fileLines
    }
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

  // MARK: Models

  private func listModels() throws {
    let families = ModelFamily.all
    try show("families", families.map(\.json)) {
      families.flatMap(Self.lines) + ["", "Any other model: quantize --model-free"]
    }
  }

  private static func lines(_ family: ModelFamily) -> [String] {
    let types = family.modelTypes.joined(separator: ", ")
    let limits = family.limits.isEmpty ? "" : "but: \(family.limits)"
    let about = [family.models, family.peculiarity, limits].filter { !$0.isEmpty }
    return zip([types] + Array(repeating: "", count: about.count), about).map { type, text in
      type.padding(toLength: max(18, type.count), withPad: " ", startingAt: 0) + "  " + text
    }
  }

  // MARK: Output

  /// The columns of the terminal that lists go to; nil for a file.
  private var width: Int? {
    ProgressPrinter.width(of: FileHandle.standardOutput.fileDescriptor)
  }

  private func show(_ key: String, _ entries: [JSONValue], _ lines: () -> [String]) throws {
    try StandardOutput.print(
      json ? [JSONValue.object([JSONValue.Member(key, .array(entries))]).text()] : lines())
  }
}
