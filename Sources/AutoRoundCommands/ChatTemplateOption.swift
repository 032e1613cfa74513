import ArgumentParser
import Foundation

/// A template for a model that has none, or instead of its own; the same for all commands that take conversations.
struct ChatTemplateOption: ParsableArguments {
  @Option(
    name: .customLong("chat-template"),
    help: "File with a chat template, instead of the model's own.",
    completion: .file(extensions: ["jinja"]))
  var path: String?

  /// The file.
  var file: URL? { path.map { URL(filePath: $0) } }
}
