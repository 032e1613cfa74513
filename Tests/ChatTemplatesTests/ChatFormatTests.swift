import ChatTemplates
import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing

/// Which of a model's templates is taken.
@Suite struct ChatFormatTests {
  private let conversation = Conversation(system: nil, user: "Hi")

  /// The format of a model with these templates in tokenizer_config.json.
  private func format(
    _ templates: [(name: String, text: String)], files: [String: String] = [:]
  ) throws -> ChatFormat {
    try withTemporaryFolder { folder in
      let settings: JSONValue = [
        "eos_token": ["content": "</s>"],
        "chat_template": .array(
          templates.map { ["name": .string($0.name), "template": .string($0.text)] }),
      ]
      try Data(settings.text().utf8).write(to: folder.appending(path: "tokenizer_config.json"))
      for (name, text) in files {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
      }
      return try ChatFormat(folder: folder)
    }
  }

  /// One that no conversation takes may be wrong.
  @Test func onlyWhatCanBeChosenIsParsed() throws {
    let format = try format([
      ("rag", "{% broken"), ("default", "{{ messages[0].content }}{{ eos_token }}"),
      ("tool_use", "tools"),
    ])
    #expect(try format.text(of: conversation, addsPrompt: false) == "Hi</s>")
    var withTools = conversation
    withTools.tools = [["name": "f"]]
    #expect(try format.text(of: withTools, addsPrompt: false) == "tools")
    withTools.tools = .null
    #expect(try format.text(of: withTools, addsPrompt: false) == "Hi</s>")
    expectInputError(.malformed, mentioning: ["tokenizer_config.json (tool_use): line 1"]) {
      try self.format([("default", "a"), ("tool_use", "{{ 1")])
    }
  }

  @Test func theFirstOfANameIsTaken() throws {
    let format = try format(
      [],
      files: [
        "chat_template.jinja": "first", "additional_chat_templates/default.jinja": "{% broken",
      ])
    #expect(try format.text(of: conversation, addsPrompt: false) == "first")
  }

  @Test func aModelWithoutADefaultSaysWhatItHas() throws {
    let format = try format([("rag", "{% broken"), ("tool_use", "tools")])
    expectInputError(
      .missing, mentioning: ["no chat template called default, only 'rag', 'tool_use'"]
    ) {
      try format.text(of: conversation, addsPrompt: false)
    }
  }
}
