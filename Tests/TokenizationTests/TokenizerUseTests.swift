import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing
import Tokenization

@Suite struct TokenizerUseTests {
  @Test func knowsTheRolesOfTokens() throws {
    let llama = try Oracles.tokenizer("b-llama3")
    #expect(llama.beginningOfText == llama.id(ofToken: "<|begin_of_text|>"))
    #expect(llama.beginningOfText != nil)
    let configuration = try JSONReader(
      JSONValue.parse(contentsOf: Oracles.folder.appending(path: "b-llama3/tokenizer_config.json")))
    let end = try configuration.required("eos_token")
    #expect(
      try llama.endOfText
        == llama.id(ofToken: end.value.stringValue ?? end.required("content").string()))
    // An object with the token as content, null, and a token that does not exist.
    try withTemporaryFolder { folder in
      try Data(TinyTokenizer.file.text().utf8).write(to: folder.appending(path: "tokenizer.json"))
      #expect(try Tokenizer(folder: folder).beginningOfText == nil)
      let settings: JSONValue = [
        "bos_token": ["content": "<s>", "lstrip": false], "eos_token": nil, "pad_token": "none",
        "unk_token": "?",
      ]
      try Data(settings.text().utf8).write(to: folder.appending(path: "tokenizer_config.json"))
      let tokenizer = try Tokenizer(folder: folder)
      #expect(tokenizer.beginningOfText == 7)
      #expect(tokenizer.endOfText == nil)
      #expect(tokenizer.padding == nil)
      #expect(tokenizer.unknown == 0)
    }
  }

  @Test func keepsCanonicallyEquivalentTokensApart() throws {
    let file =
      #"{"model":{"type":"BPE","merges":["e \u0301"],"vocab":{"e\u0301":0,"\u00e9":1,"e":2,"\u0301":3}}}"#
    let tokenizer = try Tokenizer(Array(file.utf8))
    #expect(try tokenizer.encode("e\u{301}\u{e9}", addingSpecialTokens: false) == [0, 1])
  }

  @Test func remarksOnWhatIsUnusual() throws {
    #expect(try Oracles.tokenizer("c-qwen2").remarks.isEmpty)
    let pattern: JSONValue = [
      "type": "Split", "pattern": ["Regex": "q+"], "behavior": "Isolated",
    ]
    #expect(try TinyTokenizer.with("pre_tokenizer", pattern).remarks.count == 1)
    let tokens: JSONValue = [["id": 9, "content": "<x>"]]
    let tokenizer = try TinyTokenizer.with("added_tokens", tokens)
    #expect(tokenizer.remarks.contains { $0.contains("<x>") && $0.contains("9") })
    #expect(tokenizer.id(ofToken: "<x>") == 7)
  }

  @Test func encodesFromManyThreads() async throws {
    let tokenizer = try Oracles.tokenizer("c-qwen2")
    let text = String(
      decoding: try Data(contentsOf: Fixtures.examples.appending(path: "data/evaluation.txt"))
        .prefix(60_000), as: UTF8.self)
    let lines = text.split(separator: "\n").map(String.init)
    let expected = try lines.map { try tokenizer.encode($0, addingSpecialTokens: false) }
    let results = try await withThrowingTaskGroup(of: [[Int]].self) { group in
      for _ in 0..<8 {
        group.addTask { try lines.map { try tokenizer.encode($0, addingSpecialTokens: false) } }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.count == 8)
    for result in results { #expect(result == expected) }
  }

  /// Texts that are valid throughout come out of the stream as they come out at once.
  @Test(arguments: Oracles.tokenizers)
  func streamsWhatItDecodes(name: String) throws {
    let tokenizer = try Oracles.tokenizer(name)
    for element in try Oracles.list("\(name)/cases.json") {
      let ids = try element.ids("ids_with_special")
      for skips in [false, true] {
        let whole = tokenizer.decode(ids, skippingSpecialTokens: skips)
        if whole.unicodeScalars.contains("\u{FFFD}") { continue }
        var decoder = StreamingDecoder(tokenizer, skippingSpecialTokens: skips)
        var parts = ids.map { decoder.append($0) }
        parts.append(decoder.finish())
        #expect(visible(parts.joined()) == visible(whole))
      }
    }
  }

  /// What is generated after a prompt is the text without the prompt's, spaces included.
  @Test(arguments: ["d-llama2", "e2-metaspace-always", "b-llama3", "real-mistral-7b-instruct-v0.3"])
  func streamsAfterAPrompt(name: String) throws {
    let tokenizer = try Oracles.tokenizer(name)
    let text = "Once upon a time, there was a house."
    let ids = try tokenizer.encode(text, addingSpecialTokens: false)
    for split in 1..<ids.count {
      let prompt = Array(ids[..<split])
      var decoder = StreamingDecoder(tokenizer, after: prompt, skippingSpecialTokens: true)
      var whole = tokenizer.decode(prompt, skippingSpecialTokens: true)
      for id in ids[split...] { whole += decoder.append(id) }
      #expect(whole + decoder.finish() == tokenizer.decode(ids, skippingSpecialTokens: true))
    }
  }

  @Test func streamsNoHalfCharacters() throws {
    let tokenizer = try Oracles.tokenizer("a1-gpt2")
    let ids = try tokenizer.encode("a😀b", addingSpecialTokens: false)
    #expect(ids.count > 3, "the emoji is several tokens")
    var decoder = StreamingDecoder(tokenizer, skippingSpecialTokens: true)
    let parts = ids.map { decoder.append($0) }.filter { !$0.isEmpty }
    #expect(parts == ["a", "😀", "b"])
    #expect(decoder.finish().isEmpty)
    #expect(decoder.append(ids[1]).isEmpty)
    #expect(decoder.finish() == "\u{FFFD}")
    #expect(decoder.finish().isEmpty)
  }
}
