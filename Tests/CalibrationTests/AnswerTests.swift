import Calibration
import ChatTemplates
import Diagnostics
import Foundation
import TestSupport
import Testing
import Tokenization

/// Which tokens of conversations are the model's.
@Suite struct AnswerTests {
  private static let plain = """
    {% for m in messages %}<|im_start|>{{ m.role }}
    {{ m.content }}<|im_end|>
    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
    {% endif %}
    """
  /// Leaves out the reasoning of answers before the last question, and refuses to begin with an answer.
  private static let forgetful = """
    {% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}\
    {% if not messages %}{{ raise_exception('no messages') }}{% endif %}\
    {% for m in messages %}<|im_start|>{{ m.role }}
    {% if m.role == 'assistant' and loop.index0 > ns.last %}<think>{{ m.reasoning }}</think>{% endif %}{{ m.content }}<|im_end|>
    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
    {% endif %}
    """

  /// What counts of each sample, decoded.
  private func answers(
    _ records: String, template: String = plain, choice: ChatTemplateChoice? = nil,
    length: Int = 200,
    samples: Int = 1, short: ShortSamples = .pad
  ) throws -> (answers: [[String]], data: CalibrationData) {
    try withTemporaryFolder { folder in
      try Data(template.utf8).write(to: folder.appending(path: "chat_template.jinja"))
      let file = folder.appending(path: "data.jsonl")
      try Data(records.utf8).write(to: file)
      let tokenizer = try Tokenizer(
        contentsOf: Fixtures.folder.appending(path: "tokenizers/c-qwen2/tokenizer.json"))
      var settings = CalibrationSettings()
      (settings.shortSamples, settings.lossMask) = (short, .answers)
      let data = try CalibrationData(
        CalibrationSource(file: file),
        coding: TextCoding(tokenizer, model: folder, template: choice ?? .model),
        sampleCount: samples, sequenceLength: length, vocabularySize: 1 << 20, settings: settings)
      let masks = try #require(data.masks)
      let answers = zip(data.samples, masks).map { sample, mask in
        mask.counted.map { run in
          tokenizer.decode(sample[run].map(Int.init), skippingSpecialTokens: false)
        }
      }
      return (answers, data)
    }
  }

  private func record(_ turns: (String, String)...) -> String {
    let messages = turns.map { "{\"role\": \"\($0)\", \"content\": \"\($1)\"}" }
    return "{\"messages\": [\(messages.joined(separator: ", "))]}\n"
  }

  @Test func answersCountToTheirEnd() throws {
    let record = record(
      ("system", "Be kind."), ("user", "Hello there"), ("assistant", "Hi, friend"),
      ("user", "Hi, friend"), ("assistant", "Bye then"))
    #expect(
      try answers(record).answers == [["Hi, friend<|im_end|>\n", "Bye then<|im_end|>\n"]])
    let data = try answers(record).data
    #expect(data.remark.hasSuffix("tokens of answers count"))
  }

  /// An answer that the sample cuts counts as far as it is in it; one behind the cut does not.
  @Test func whatIsCutDoesNotCount() throws {
    let record = record(
      ("user", "One"), ("assistant", "Two three four five six seven eight nine"),
      ("user", "Ten"), ("assistant", "Eleven"))
    let whole = try answers(record)
    let mask = try #require(whole.data.masks?.first)
    #expect(whole.answers[0].count == 2)
    let cut = try answers(record, length: mask.counted[0].lowerBound + 3)
    #expect(
      cut.data.masks == [
        SampleMask(
          tokenCount: mask.counted[0].lowerBound + 3,
          counted: [mask.counted[0].lowerBound..<mask.counted[0].lowerBound + 3])
      ])
  }

  /// Where a beginning of the conversation is another text, an answer is where its message is.
  @Test func templatesMayForgetReasoning() throws {
    let record = """
      {"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B one", "reasoning": "R"}, \
      {"role": "user", "content": "C"}, {"role": "assistant", "content": "D two", "reasoning": "S"}]}
      """
    let found = try answers(record, template: Self.forgetful).answers
    #expect(found.count == 1 && found[0].count == 2)
    #expect(found[0][0] == "B one")
    #expect(found[0][1].hasSuffix("<think>S</think>D two<|im_end|>\n"))
  }

  @Test func withoutATemplateAnswersAreTheirTexts() throws {
    let record = record(
      ("user", "One"), ("assistant", "Two"), ("user", "Three"), ("assistant", "Four"))
    let found = try answers(record, choice: ChatTemplateChoice.none).answers
    #expect(found.count == 1 && found[0].count == 2)
    #expect(found[0][0].contains("Two") && found[0][1].contains("Four"))
    #expect(!found[0].joined().contains("One") && !found[0].joined().contains("Three"))
  }

  /// Records in which nothing counts are no samples; text counts as a whole.
  @Test func recordsWithoutAnswersAreLeftOut() throws {
    let records =
      record(("user", "Nobody answers this")) + record(("user", "One"), ("assistant", "Two"))
      + "{\"text\": \"plain text\"}\n"
    let (found, data) = try answers(records, samples: 3)
    #expect(found == [["Two<|im_end|>\n"], ["plain text"]])
    #expect(data.warnings.contains { $0.contains("(1 record without an answer)") })
    expectInputError(
      .invalidValue, mentioning: ["has an answer of the model", "lossMask: answers"]
    ) {
      try answers(record(("user", "Nobody answers this")))
    }
    expectInputError(.invalidValue, mentioning: ["has no conversation", "lossMask: answers"]) {
      try answers("{\"text\": \"plain text\"}\n")
    }
  }

  /// Joined conversations keep what counts in each.
  @Test func joinedConversationsCountTheirAnswers() throws {
    let one = record(("user", "One"), ("assistant", "Two"))
    let length = try answers(one).data.samples[0].count + 3
    let (found, data) = try answers(one + one, length: length, short: .join)
    #expect(data.samples[0].count == length)
    #expect(found[0].first == "Two<|im_end|>\n")
  }
}
