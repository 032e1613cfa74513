import Foundation
import JSONText
import TestSupport
import Testing

/// `chat`, `generate --chat`, and runs that are calibrated on conversations.
@Suite(.serialized) struct ChatTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  private static let template = """
    {%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}
    {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
    """

  private func copy(in folder: URL) throws -> URL {
    let copy = folder.appending(path: "model")
    try FileManager.default.copyItem(at: model, to: copy)
    try Data(Self.template.utf8).write(to: copy.appending(path: "chat_template.jinja"))
    return copy
  }

  private func chat(_ arguments: String..., input: String) throws -> Invocation {
    try Invocation(CommandRun.product("autoround"), ["chat"] + arguments, input: input)
  }

  /// An answer is what the model adds to the conversation as its template writes it.
  @Test func answersFollowTheTemplate() throws {
    try withTemporaryFolder { folder in
      let model = try copy(in: folder).path
      let system = "<|im_start|>system\nBe brief.<|im_end|>\n"
      func turn(_ text: String) -> String {
        "<|im_start|>user\n\(text)<|im_end|>\n<|im_start|>assistant\n"
      }
      func generated(_ prompt: String) throws -> String {
        let run = try Invocation("generate", model, "--prompt", prompt, "--max-tokens", "6")
        #expect(run.status == 0, "\(run.errors)")
        return String(run.output.dropLast())
      }
      let first = try generated(system + turn("Hello"))
      let asked = try Invocation(
        "generate", model, "--chat", "--prompt", "Hello", "--system", "Be brief.", "--max-tokens",
        "6")
      #expect(asked.status == 0, "\(asked.errors)")
      #expect(asked.output == first + "\n")

      let second = try generated(
        system + turn("Hello") + first + "<|im_end|>\n" + turn("And then?"))
      #expect(!first.isEmpty && !second.isEmpty)
      let talk = try chat(
        model, "--system", "Be brief.", "--max-tokens", "6",
        input: "Hello\n\nAnd then?\r\n/new\nHello\n/quit\nnot read any more\n")
      #expect(talk.status == 0, "\(talk.errors)")
      #expect(talk.output == "\(first)\n\(second)\n\(first)\n")
      #expect(talk.errors.isEmpty)
      // The end of the input ends it as well, with or without the end of its line.
      let ended = try chat(model, "--system", "Be brief.", "--max-tokens", "6", input: "Hello")
      #expect(ended.status == 0 && ended.output == first + "\n", "\(ended.errors)")
    }
  }

  /// A file of llama.cpp has its template in its metadata.
  @Test func filesHaveTemplates() throws {
    try withTemporaryFolder { folder in
      func file(of source: URL, _ name: String) throws -> String {
        let output = folder.appending(path: name)
        let made = try Invocation(
          "convert", source.path, "--format", "gguf:f16", "--output", output.path)
        #expect(made.status == 0, "\(made.errors)")
        let files = try names(in: output).filter { $0.hasSuffix(".gguf") }
        #expect(files.count == 1)
        return output.appending(path: try #require(files.first)).path
      }
      let model = try file(of: copy(in: folder), "a")
      let plain = try Invocation(
        "generate", model, "--max-tokens", "6", "--prompt",
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n")
      #expect(plain.status == 0 && plain.output.count > 1, "\(plain.errors)")
      let asked = try Invocation(
        "generate", model, "--chat", "--prompt", "Hello", "--max-tokens", "6")
      #expect(asked.status == 0 && asked.output == plain.output, "\(asked.errors)")
      let talk = try chat(model, "--max-tokens", "6", input: "Hello\n")
      #expect(talk.status == 0 && talk.output == plain.output, "\(talk.errors)")

      let data = folder.appending(path: "chat.jsonl")
      let record: JSONValue = [
        "prompt": .string(String(repeating: "Tell me of Walden. ", count: 9)), "response": "No.",
      ]
      try Data(record.text().utf8).write(to: data)
      let tuned = try Invocation(
        "quantize", model, "--output", folder.appending(path: "b").path, "--calibration", data.path,
        "--samples", "1", "--sequence-length", "16", "--batch-size", "1", "--iterations", "1",
        "--held-out", "0")
      #expect(tuned.status == 0, "\(tuned.errors)")
      #expect(tuned.errors.contains("<|im_start|>user\\nTell me"), "\(tuned.errors)")

      let without = try file(of: self.model, "c")
      let refused = try chat(without, input: "Hello\n")
      #expect(refused.status == 1)
      #expect(
        refused.errors.contains(
          "has no chat template; expected tokenizer.chat_template in its metadata; give a file with"
        ),
        "\(refused.errors)")
    }
  }

  @Test func whatIsMissingIsSaid() throws {
    for arguments in [["chat", model.path], ["generate", model.path, "--chat", "--prompt", "a"]] {
      let run = try Invocation(CommandRun.product("autoround"), arguments, input: "Hello\n")
      #expect(run.status == 1)
      #expect(
        run.errors.contains("has no chat template; expected chat_template.jinja"), "\(run.errors)")
      #expect(run.errors.contains("give a file with --chat-template"))
    }
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "t.jinja")
      try Data("{{ messages | tojsn }}".utf8).write(to: file)
      let wrong = try chat(model.path, "--chat-template", file.path, input: "Hello\n")
      #expect(wrong.status == 1)
      #expect(
        wrong.errors.contains(
          "t.jinja: line 1: the filter 'tojsn' is unknown; did you mean 'tojson'?"),
        "\(wrong.errors)")
      try Data(Self.template.utf8).write(to: file)
      let long = try chat(
        model.path, "--chat-template", file.path, input: String(repeating: "word ", count: 3000))
      #expect(long.status == 1)
      #expect(long.errors.contains("the conversation: has "), "\(long.errors)")
    }
  }

  @Test func runsAreCalibratedOnConversations() throws {
    try withTemporaryFolder { folder in
      let data = folder.appending(path: "chat.jsonl")
      let record: JSONValue = [
        "messages": [
          ["role": "user", "content": .string(String(repeating: "Tell me of Walden. ", count: 9))]
        ]
      ]
      let other: JSONValue = [
        "prompt": "Who wrote Walden, and when, and why?",
        "response": "A man of the woods, who had time.",
      ]
      try Data("\(record.text())\n\(other.text())\n".utf8).write(to: data)
      func run(_ source: URL, _ name: String, _ more: String...) throws -> Invocation {
        try Invocation(
          [
            "quantize", source.path, "--output", folder.appending(path: name).path, "--calibration",
            data.path, "--samples", "2", "--sequence-length", "16", "--batch-size", "2",
            "--iterations", "1", "--held-out", "0",
          ] + more)
      }
      let source = try copy(in: folder)
      let made = try run(source, "a")
      #expect(made.status == 0, "\(made.errors)")
      #expect(made.errors.contains("<|im_start|>user\\nTell me"), "\(made.errors)")

      let refused = try run(model, "b")
      #expect(refused.status == 1)
      #expect(refused.errors.contains("chat.jsonl: line 1: "), "\(refused.errors)")
      #expect(refused.errors.contains("or join the messages' texts with --no-chat-template"))
      let joined = try run(model, "b", "--no-chat-template")
      #expect(joined.status == 0, "\(joined.errors)")
      #expect(joined.errors.contains("Tell me of Walden. Tell"))
      #expect(!joined.errors.contains("im_start"))
    }
  }
}
