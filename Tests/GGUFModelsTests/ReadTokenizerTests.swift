import Checkpoints
import Diagnostics
import Foundation
import GGUF
import GGUFModels
import JSONText
import TestSupport
import Testing
import Tokenization

/// Tokenizers of files, as tokenizer.json again.
@Suite struct ReadTokenizerTests {
  /// A tokenizer that was written as metadata and read again.
  private func again(_ name: String) throws -> (given: Tokenizer, read: Tokenizer) {
    let folder = Fixtures.folder.appending(path: "tokenizers/\(name)")
    let given = try Tokenizer(folder: folder)
    let rows = given.vocabularySize + 3
    let written = try GGUFTokenizer(folder: folder, configuration: .object([]), rows: rows)
    var metadata = GGUFMetadata()
    for (key, value) in written.metadata { metadata[key] = value }
    let files = try TokenizerDraft(metadata, rows: rows).files
    func text(_ name: String) throws -> String {
      try #require(files.first { $0.name == name }?.text)
    }
    let read = try Tokenizer(
      Array(text("tokenizer.json").utf8), configuration: .parse(text("tokenizer_config.json")))
    return (given, read)
  }

  /// Texts become the same tokens, and these the same texts.
  ///
  /// Where a file does not keep all of the tokenizer, some texts are left out: those in which blanks stand at an added
  /// token that takes them, and a mark for a space where only the first piece of a text begins with one.
  @Test(arguments: [
    ("a1-gpt2", 100), ("b-llama3", 100), ("c-qwen2", 100), ("g1-gpt4o", 100),
    ("g2-deepseek-v3", 100),
    ("g3-deepseek-coder-digits", 100), ("g4-smollm-digits", 100), ("d-llama2", 100),
    ("e1-mistral-metaspace-first", 60), ("e4-gemma", 100), ("f1-unigram-precompiled", 60),
    ("f4-unigram-nmt-nfkc", 60),
  ]) func tokensAreTheSame(_ name: String, _ least: Int) throws {
    let (given, read) = try again(name)
    #expect(read.beginningOfText == given.beginningOfText)
    #expect(read.endOfText == given.endOfText)
    let file = Fixtures.folder.appending(path: "tokenizers/\(name)/cases.json")
    let cases = try #require(JSONValue.parse(contentsOf: file).arrayValue)
    var (same, others) = (0, [String]())
    for example in cases {
      let text = try #require(example["text"]?.stringValue)
      let ids = try given.encode(text, addingSpecialTokens: false)
      if try read.encode(text, addingSpecialTokens: false) == ids,
        read.decode(ids, skippingSpecialTokens: true)
          == given.decode(ids, skippingSpecialTokens: true)
      {
        same += 1
      } else {
        others.append(text)
      }
    }
    #expect(same >= least, "\(same) of \(cases.count); others: \(others.prefix(12))")
  }

  /// A token of a million bytes is split only where both halves may be tokens: hashing all halves would take hours.
  @Test(.timeLimit(.minutes(1))) func longTokens() throws {
    let count = 1 << 20
    let tokens = [1, count - 1, count].map { String(repeating: "a", count: $0) }
    var metadata = GGUFMetadata()
    metadata["tokenizer.ggml.model"] = .string("llama")
    metadata["tokenizer.ggml.tokens"] = .strings(tokens)
    metadata["tokenizer.ggml.scores"] = .floats([0, -1, -2])
    let files = try TokenizerDraft(metadata, rows: tokens.count).files
    let text = try #require(files.first { $0.name == "tokenizer.json" }?.text)
    let merges = try #require(JSONValue.parse(text)["model"]?["merges"]?.arrayValue)
    #expect(
      merges == [
        [.string(tokens[0]), .string(tokens[1])], [.string(tokens[1]), .string(tokens[0])],
      ])
  }
}
