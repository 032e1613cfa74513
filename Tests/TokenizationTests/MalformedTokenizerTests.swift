import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing
import Tokenization

/// Files that contradict themselves or ask for something that is not here: each is refused, with
/// the place and what is wrong.
@Suite struct MalformedTokenizerTests {
  /// One part of the file replaced, and what the refusal says: its kind, the place, a few words.
  struct Change: Sendable {
    let key: String
    let value: JSONValue?
    let code: InputError.Code
    let words: [String]

    init(
      _ key: String, _ value: JSONValue?, _ code: InputError.Code, _ place: String, _ words: String
    ) {
      (self.key, self.value, self.code) = (key, value, code)
      self.words = [place, words]
    }
  }

  @Test func readsTheFileThatTheOthersComeFrom() throws {
    let tokenizer = try TinyTokenizer.tokenizer(TinyTokenizer.file)
    #expect(tokenizer.vocabularySize == 8)
    #expect(
      try tokenizer.encode("ababxbac??<s>b", addingSpecialTokens: true) == [
        7, 5, 4, 1, 3, 0, 0, 7, 2,
      ])
  }

  static let models: [Change] = [
    .init("type", "Foo", .unsupported, "model.type", "Foo"),
    .init("type", "WordPiece", .unsupported, "model.type", "WordPiece"),
    .init("type", 3, .invalidValue, "model.type", "a string"),
    .init("vocab", nil, .missing, "model.vocab", "missing"),
    .init("vocab", [["a", -1]], .malformed, "model", "BPE"),
    .init("vocab", ["a": 1], .malformed, "model.merges[0]", #""b" is not in"#),
    .init("vocab", ["a": 0, "b": 1, "ba": 2], .malformed, "model.merges[0]", #""ab" is not in"#),
    .init("vocab", ["a": 0, "b": 0], .malformed, "", "0 occurs twice"),
    .init("vocab", ["a": -1], .malformed, "", "-1"),
    .init("vocab", ["a": 4_000_000_000], .malformed, "", "4000000000"),
    .init("vocab", ["a": "x"], .malformed, "line 1", "found '\"'"),
    .init("vocab", ["a": 1.5], .malformed, "line 1", "integer"),
    .init("vocab", "a", .malformed, "line 1", "an object"),
    .init("merges", nil, .malformed, "model", "merges"),
    .init("merges", ["ab"], .malformed, "line 1", "one space"),
    .init("merges", ["a b b"], .malformed, "line 1", "one space"),
    .init("merges", [["a"]], .malformed, "line 1", "a string"),
    .init("merges", [["a", "b", "a"]], .malformed, "line 1", "']'"),
    .init("merges", [3], .malformed, "line 1", "a string"),
    .init("dropout", 0.1, .unsupported, "model.dropout", "drop out"),
    .init("fuse_unk", "yes", .invalidValue, "model.fuse_unk", "true or false"),
    .init(
      "continuing_subword_prefix", 1, .invalidValue, "model.continuing_subword_prefix", "a string"),
  ]

  @Test(arguments: models)
  func refusesModels(change: Change) {
    expectInputError(change.code, mentioning: change.words) {
      try TinyTokenizer.withModel(change.key, change.value)
    }
  }

  static let parts: [Change] = [
    .init("version", "2.0", .unsupported, "version", #"expected "1.0""#),
    .init("model", nil, .missing, "model", "missing"),
    .init("model", [], .malformed, "line 1", "an object"),
    .init("added_tokens", 1, .invalidValue, "added_tokens", "an array"),
    .init("added_tokens", [["id": 1]], .missing, "added_tokens[0].content", "missing"),
    .init(
      "added_tokens", [["content": "x", "lstrip": 1]], .invalidValue, "added_tokens[0].lstrip",
      "true or false"),
    .init("normalizer", ["type": "Foo"], .unsupported, "normalizer.type", "Foo"),
    .init("normalizer", ["no": 1], .missing, "normalizer.type", "missing"),
    .init(
      "normalizer", ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "X"]]],
      .unsupported, "normalizer.normalizers[1].type", "X"
    ),
    .init(
      "normalizer", ["type": "Replace", "pattern": "x", "content": ""], .invalidValue,
      "normalizer.pattern", "object"
    ),
    .init(
      "normalizer", ["type": "Replace", "pattern": ["Regex": "("], "content": ""],
      .unsupported, "normalizer.pattern.Regex", "does not compile"
    ),
    .init(
      "normalizer", ["type": "Precompiled", "precompiled_charsmap": "?"],
      .malformed, "normalizer.precompiled_charsmap", "base64"
    ),
    .init(
      "normalizer", ["type": "Precompiled", "precompiled_charsmap": "//8AAA=="],
      .malformed, "normalizer.precompiled_charsmap", "trie"
    ),
    .init("pre_tokenizer", ["type": "Foo"], .unsupported, "pre_tokenizer.type", "Foo"),
    .init(
      "pre_tokenizer", ["type": "Split", "pattern": ["String": "a"], "behavior": "Cut"],
      .invalidValue, "pre_tokenizer.behavior", "Isolated"
    ),
    .init(
      "pre_tokenizer", ["type": "ByteLevel"], .missing, "pre_tokenizer.add_prefix_space", "missing"),
    .init(
      "pre_tokenizer", ["type": "Metaspace", "replacement": "ab"], .invalidValue,
      "pre_tokenizer.replacement", "one character"
    ),
    .init(
      "pre_tokenizer", ["type": "Metaspace", "prepend_scheme": "last"],
      .invalidValue, "pre_tokenizer.prepend_scheme", "always"
    ),
    .init("post_processor", ["type": "Foo"], .unsupported, "post_processor.type", "Foo"),
    .init(
      "post_processor", ["type": "TemplateProcessing", "single": []], .invalidValue,
      "post_processor.single", "the text"
    ),
    .init(
      "post_processor",
      ["type": "TemplateProcessing", "single": [["Sequence": ["id": "B"]]]],
      .invalidValue, "post_processor.single[0].Sequence.id", "\"A\""
    ),
    .init(
      "post_processor",
      [
        "type": "TemplateProcessing", "single": [["SpecialToken": ["id": "x"]]],
        "special_tokens": .object([]),
      ],
      .missing, "post_processor.special_tokens.x", "missing"
    ),
    .init(
      "post_processor", ["type": "BertProcessing", "cls": ["a", -3], "sep": ["b", 1]],
      .invalidValue, "post_processor.cls[1]", "-3"
    ),
    .init("decoder", ["type": "Foo"], .unsupported, "decoder.type", "Foo"),
    .init(
      "decoder", ["type": "Strip", "content": "ab", "start": 1, "stop": 0], .invalidValue,
      "decoder.content", "one"
    ),
    .init(
      "decoder", ["type": "Strip", "content": "a", "start": -1, "stop": 0], .invalidValue,
      "decoder.start", "-1"),
  ]

  @Test(arguments: parts)
  func refusesParts(change: Change) {
    expectInputError(change.code, mentioning: change.words) {
      try TinyTokenizer.with(change.key, change.value)
    }
  }

  @Test func refusesUnigramModelsWithoutSense() {
    for (scores, code, place) in [
      (#"[["a",-1],["b"]]"#, .malformed, "line 1"), (#"[["a","b"]]"#, .malformed, "line 1"),
      (#"[["a",1e999]]"#, .malformed, "line 1"), (#"[["a",1,2]]"#, .malformed, "line 1"),
      (#"[["a",-1]]"#, .invalidValue, "model.unk_id"),
    ] as [(String, InputError.Code, String)] {
      let file = #"{"model":{"type":"Unigram","unk_id":1,"vocab":\#(scores)}}"#
      expectInputError(code, mentioning: [place]) { try Tokenizer(Array(file.utf8)) }
    }
  }

  @Test func reportsCharactersWithoutATokenIfThereIsNoneForUnknownOnes() throws {
    let file = #"{"model":{"type":"Unigram","vocab":[["a",-1.5]]}}"#
    let tokenizer = try Tokenizer(Array(file.utf8))
    #expect(try tokenizer.encode("aa", addingSpecialTokens: true) == [0, 0])
    expectInputError(.missing, mentioning: ["model.unk_id", #""b""#]) {
      try tokenizer.encode("ab", addingSpecialTokens: true)
    }
  }

  @Test func refusesAnAddedTokenWhoseIDIsTaken() {
    let vocab = #"{"a":0,"b":2}"#
    let file =
      #"{"model":{"type":"BPE","merges":[],"vocab":\#(vocab)},"added_tokens":[{"content":"c"}]}"#
    expectInputError(.malformed, mentioning: ["added_tokens[0]", "id 2"]) {
      try Tokenizer(Array(file.utf8))
    }
  }

  @Test func namesTheFile() throws {
    try withTemporaryFolder { folder in
      let path = folder.path(percentEncoded: false)
      expectInputError(.missing, mentioning: [path, "has no tokenizer.json"]) {
        try Tokenizer(folder: folder)
      }
      let file = folder.appending(path: "tokenizer.json")
      expectInputError(.unreadable, mentioning: [file.path(percentEncoded: false)]) {
        try Tokenizer(contentsOf: file)
      }
      try Data("{}".utf8).write(to: file)
      expectInputError(.missing, mentioning: ["\(file.path(percentEncoded: false)): model: is"]) {
        try Tokenizer(folder: folder)
      }
      let settings = folder.appending(path: "tokenizer_config.json")
      try Data(#"{"bos_token":3}"#.utf8).write(to: settings)
      expectInputError(
        .invalidValue, mentioning: ["\(settings.path(percentEncoded: false)): bos_token"]
      ) {
        try Tokenizer(folder: folder)
      }
    }
  }
}
