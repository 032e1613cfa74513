import ArgumentParser
import AutoRound
import Foundation
import JSONText

/// `autoround models`.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "List the families of models that can be tuned, evaluated and continued.",
    discussion: """
      The model_type in a model's config.json says which family it is of. A model of any other type \
      can still be rounded without being run: quantize --model-free.

        autoround models
        autoround models --json
      """)

  @Flag(help: "Print one JSON object instead.")
  var json = false

  func run() throws {
    let families = ModelFamily.all
    try StandardOutput.print(
      json
        ? [(["families": .array(families.map(\.json))] as JSONValue).text()]
        : families.flatMap(Self.lines) + ["", "Any other model: quantize --model-free"])
  }

  private static func lines(_ family: ModelFamily) -> [String] {
    let types = family.modelTypes.joined(separator: ", ")
    let limits = family.limits.isEmpty ? "" : "but: \(family.limits)"
    let about = [family.models, family.peculiarity, limits].filter { !$0.isEmpty }
    return zip([types] + Array(repeating: "", count: about.count), about).map { type, text in
      type.padding(toLength: max(18, type.count), withPad: " ", startingAt: 0) + "  " + text
    }
  }
}
