import Calibration
import ChatTemplates
import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing
import Tokenization

/// Conversations among calibration records.
@Suite struct ConversationTests {
  private static let tokenizer = Fixtures.folder.appending(
    path: "tokenizers/c-qwen2/tokenizer.json")

  private static let template = """
    {% if tools %}<tools>{{ tools | tojson }}</tools>{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}
    {{ m.reasoning_content ~ '|' if m.reasoning_content }}{{ m.content }}{{ m.tool_calls | tojson if m.tool_calls }}<|im_end|>
    {% endfor %}{% if add_generation_prompt %}never{% endif %}
    """

  /// Samples of one record with a model that has `template`, decoded again.
  private func text(
    _ record: String, tokenizer: URL = tokenizer, template: String? = template,
    settings: String? = nil, choice: ChatTemplateChoice = .model, length: Int = 4
  ) throws -> (samples: [[Int32]], coding: TextCoding) {
    try withTemporaryFolder { folder in
      if let template {
        try Data(template.utf8).write(to: folder.appending(path: "chat_template.jinja"))
      }
      if let settings {
        try Data(settings.utf8).write(to: folder.appending(path: "tokenizer_config.json"))
      }
      let file = folder.appending(path: "data.jsonl")
      try Data(record.utf8).write(to: file)
      let coding = TextCoding(
        try Tokenizer(contentsOf: tokenizer), model: folder, template: choice)
      var settings = CalibrationSettings()
      settings.shortSamples = .drop
      let data = try CalibrationData(
        CalibrationSource(file: file), coding: coding, sampleCount: 1, sequenceLength: length,
        vocabularySize: 1 << 20, settings: settings)
      return (data.samples, coding)
    }
  }

  /// What the record is as text: the ids of its conversation, decoded.
  private func rendered(_ record: String, choice: ChatTemplateChoice = .model) throws -> String {
    // The samples have one length, which can be all of a record: a longer one is refused with the length of this.
    let error = expectInputError(.invalidValue, mentioning: ["has 200 tokens"]) {
      try text(record, choice: choice, length: 200)
    }
    let found = try #require(error?.message.firstMatch(of: /the longest has (\d+):/))
    let (samples, coding) = try text(record, choice: choice, length: try #require(Int(found.1)))
    return try coding.decode(samples[0].map(Int.init))
  }

  @Test(arguments: [
    (
      #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]}"#,
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
    ),
    (
      #"{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}]}"#,
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
    ),
    (
      #"{"prompt": "Hi", "response": "Yo", "system": "S"}"#,
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
    ),
    (
      #"{"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Yo"}]}"#,
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
    ),
    (
      #"{"instruction": "Hi", "input": "there", "output": "Yo"}"#,
      "<|im_start|>user\nHi\n\nthere<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
    ),
    (
      #"{"instruction": "Hi", "input": "", "output": "Yo"}"#,
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
    ),
    (
      #"{"messages": [{"role": "assistant", "content": "Yo", "reasoning_content": "R", "tool_calls": [{"b": 1.0, "a": "é"}]}], "tools": [{"x": 1}]}"#,
      "<tools>[{\"x\": 1}]</tools><|im_start|>assistant\nR|Yo[{\"b\": 1.0, \"a\": \"é\"}]<|im_end|>\n"
    ),
  ])
  func shapes(record: String, expected: String) throws {
    #expect(try rendered(record) == expected)
  }

  @Test func withoutATemplateTheTextsAreJoined() throws {
    let record =
      #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [{"type": "text", "text": "Yo"}]}]}"#
    #expect(try rendered(record, choice: .none) == "Hi\n\nYo")
  }

  /// The template writes the token that begins a text; the tokenizer must not write another.
  @Test func textBeginsOnce() throws {
    let llama = Fixtures.folder.appending(path: "tokenizers/b-llama3/tokenizer.json")
    let (samples, coding) = try text(
      #"{"messages": [{"role": "user", "content": "Hi there"}]}"#, tokenizer: llama,
      template: "{{ bos_token }}{{ messages[0].content }}",
      settings: #"{"bos_token": {"content": "<|begin_of_text|>"}}"#, length: 2)
    let plain = try Tokenizer(contentsOf: llama).encode("Hi there", addingSpecialTokens: true)
    #expect(samples == [plain.prefix(2).map { Int32($0) }])
    #expect(try coding.decode(samples[0].map(Int.init)).hasPrefix("<|begin_of_text|>H"))
  }

  /// The excerpt has what the template adds.
  @Test func excerptShowsTheTemplate() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "data.jsonl")
      try Data(#"{"prompt": "Hi", "response": "Yo"}"#.utf8).write(to: file)
      let template = folder.appending(path: "other.jinja")
      try Data(Self.template.utf8).write(to: template)
      let coding = TextCoding(
        try Tokenizer(contentsOf: Self.tokenizer), model: folder, template: .file(template))
      let data = try CalibrationData(
        CalibrationSource(file: file), coding: coding, sampleCount: 1, sequenceLength: 8,
        vocabularySize: 1 << 20)
      #expect(data.excerpt == "<|im_start|>user\\nHi<|im_end|>\\n")
    }
  }

  @Test func aModelWithoutATemplateSaysWhatCanBeDone() {
    expectInputError(
      .missing,
      mentioning: [
        "data.jsonl: line 1", "has no chat template", "chatTemplate", "chatTemplate: .none",
        "tokenizer_config.json",
      ]
    ) {
      try text(#"{"messages": [{"role": "user", "content": "Hi"}]}"#, template: nil)
    }
  }

  /// Text needs no template, whatever is wrong with it.
  @Test func textNeedsNoTemplate() throws {
    #expect(
      try text(#"{"text": "One two three four five"}"#, template: "{% broken").samples.count == 1)
  }

  @Test(arguments: [
    ("{\"messages\": []}", "line 1, messages: found an array of 0, expected a message at least"),
    ("{\"messages\": [1]}", "line 1, messages[0]: found 1, expected an object"),
    ("{\"messages\": [{\"content\": \"a\"}]}", "expected a message with \"role\" and \"content\""),
    ("{\"messages\": [{\"role\": 5}]}", "line 1, messages[0].role: found 5, expected a string"),
    (
      "{\"conversations\": [{\"from\": \"cat\", \"value\": \"a\"}]}",
      "line 1, conversations[0].from: found \"cat\", expected one of assistant, bot"
    ),
    ("{\"conversations\": [{\"from\": \"human\"}]}", "conversations[0].value: is missing"),
    ("{\"prompt\": \"a\"}", "line 1: the record has none of \"text\", \"input_ids\", \"messages\""),
    ("{\"prompt\": 1, \"response\": \"a\"}", "line 1, prompt: found 1, expected a string"),
    (
      "{\"messages\": [{\"role\": \"a\", \"content\": \"b\"}], \"tools\": 1}",
      "line 1, tools: found 1"
    ),
    (
      "{\"messages\": [{\"role\": \"bad\", \"content\": \"b\"}]}",
      "chat_template.jinja: line 1: the template refuses this: no bad"
    ),
  ])
  func refuses(record: String, message: String) {
    let error = #expect(throws: InputError.self) {
      try text(
        record,
        template: "{% if messages[0].role == 'bad' %}{{ raise_exception('no bad') }}{% endif %}")
    }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    #expect(error?.source?.hasSuffix("data.jsonl") == true)
  }
}
