import AutoRound
import Checkpoints
import Execution
import Foundation
import GGUF
import JSONText
import TestSupport
import Testing

/// Whether a model is one for conversations, wherever its template is.
@Suite struct ChatTemplateSourceTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  /// The example without a template of its own.
  private func copy(in folder: URL) throws -> URL {
    let copy = folder.appending(path: "model")
    try FileManager.default.copyItem(at: model, to: copy)
    #expect(try !names(in: copy).contains { $0.hasPrefix("chat_template") })
    return copy
  }

  @Test(arguments: [
    ("chat_template.jinja", "{{ messages }}", true),
    ("chat_template.json", #"{"chat_template": "{{ messages }}"}"#, true),
    ("additional_chat_templates/default.jinja", "{{ messages }}", true),
    ("additional_chat_templates/rag.jinja", "{{ messages }}", false),
    ("chat_template.json", #"{"other": 1}"#, false),
    ("tokenizer_config.json", #"{"chat_template": "{{ messages }}"}"#, true),
    (
      "tokenizer_config.json",
      #"{"chat_template": [{"name": "default", "template": "{{ messages }}"}]}"#, true
    ),
    (
      "tokenizer_config.json",
      #"{"chat_template": [{"name": "rag", "template": "{{ messages }}"}]}"#, false
    ), ("tokenizer_config.json", #"{"chat_template": null}"#, false), ("notes.txt", "", false),
  ])
  func aTemplateIsFound(file: String, text: String, isThere: Bool) throws {
    try withTemporaryFolder { folder in
      let copy = try copy(in: folder)
      let url = copy.appending(path: file)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
      #expect(try Checkpoint(opening: copy).hasChatTemplate == isThere)
    }
  }

  @Test func aFileHasItsOwn() throws {
    try withTemporaryFolder { folder in
      let copy = try copy(in: folder)
      for (name, isThere) in [("without", false), ("with", true)] {
        if isThere {
          try Data("{{ messages }}".utf8).write(to: copy.appending(path: "chat_template.jinja"))
        }
        let output = folder.appending(path: name)
        _ = try CheckpointConversion(
          checkpoint: copy, formats: [try ConversionFormat(named: "gguf:f16")], output: output
        ).run()
        #expect(
          try Checkpoint.model(opening: ggufFile(in: output).url).hasChatTemplate == isThere)
      }
    }
  }
}
