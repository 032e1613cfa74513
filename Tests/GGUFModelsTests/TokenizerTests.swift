import Diagnostics
import Foundation
import GGUF
import GGUFModels
import JSONText
import TestSupport
import Testing
import Tokenization

/// Tokenizers as metadata.
@Suite struct TokenizerTests {
  private static func folder(_ name: String) -> URL {
    Fixtures.folder.appending(path: "tokenizers/\(name)")
  }

  private static func tokenizer(
    _ name: String, rows: Int, configuration: JSONValue = .object([])
  ) throws -> GGUFTokenizer {
    try GGUFTokenizer(folder: folder(name), configuration: configuration, rows: rows)
  }

  private static func value(_ tokenizer: GGUFTokenizer, _ key: String) -> GGUFValue? {
    tokenizer.metadata.first { $0.key == "tokenizer.\(key)" }?.value
  }

  private static func strings(_ tokenizer: GGUFTokenizer, _ key: String) throws -> [String] {
    guard case .array(.strings(let strings)) = value(tokenizer, "ggml.\(key)") else {
      throw TestFailure.missing(key)
    }
    return strings
  }

  private static func types(_ tokenizer: GGUFTokenizer) throws -> [Int32] {
    guard case .array(.int32s(let types)) = value(tokenizer, "ggml.token_type") else {
      throw TestFailure.missing("token_type")
    }
    return types
  }

  private enum TestFailure: Error { case missing(String) }

  @Test(arguments: [
    ("a1-gpt2", "gpt2", "gpt-2"), ("b-llama3", "gpt2", "llama-bpe"), ("c-qwen2", "gpt2", "qwen2"),
    ("g1-gpt4o", "gpt2", "gpt-4o"), ("g2-deepseek-v3", "gpt2", "deepseek-v3"),
    ("g3-deepseek-coder-digits", "gpt2", "deepseek-coder"), ("g4-smollm-digits", "gpt2", "smollm"),
    ("d-llama2", "llama", "default"),
    ("e1-mistral-metaspace-first", "llama", "default"), ("e4-gemma", "llama", "default"),
    ("f1-unigram-precompiled", "t5", "default"), ("f4-unigram-nmt-nfkc", "t5", "default"),
  ]) func kindsAreToldByTheirStructure(_ name: String, _ model: String, _ cuts: String) throws {
    let plain = try Tokenizer(folder: Self.folder(name))
    let rows = plain.vocabularySize + 3
    let tokenizer = try Self.tokenizer(name, rows: rows)
    #expect(Self.value(tokenizer, "ggml.model") == .string(model))
    #expect(Self.value(tokenizer, "ggml.pre") == .string(cuts))
    let (tokens, types) = (try Self.strings(tokenizer, "tokens"), try Self.types(tokenizer))
    #expect(tokens.count == rows)
    #expect(types.count == rows)
    #expect(types.filter { $0 == 5 }.count == 3)
    #expect(tokens.last == "[PAD\(rows - 1)]")
  }

  @Test(arguments: [
    ("a2-gpt2-prefix-space", "a space before each text"),
    ("d2-llama2-partial-bytes", "expected one for each of 256"),
    ("e2-metaspace-always", "without tokens for bytes"), ("e3-metaspace-never", "'NFC'"),
    ("f2-unigram-nfkc", "normalizer"), ("f3-unigram-byte-fallback", "tokens for bytes"),
  ]) func whatTheRuntimeDoesNotHaveIsRefused(_ name: String, _ reason: String) {
    expectInputError(.unsupported, mentioning: ["tokenizer.json", reason]) {
      try Self.tokenizer(name, rows: 2000)
    }
  }

  @Test func unknownCutsAreRefusedWithThoseThatAreKnown() throws {
    let file = Self.folder("c-qwen2").appending(path: "tokenizer.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let changed = text.replacing(#"\\p{N}|"#, with: #"\\p{N}{1,7}|"#)
    #expect(changed != text)
    try withTemporaryFolder { folder in
      try changed.write(
        to: folder.appending(path: "tokenizer.json"), atomically: true, encoding: .utf8)
      expectInputError(.unsupported, mentioning: ["{1,7}", "llama-bpe", "qwen2", "pre_tokenizer"]) {
        try GGUFTokenizer(folder: folder, configuration: .object([]), rows: 5000)
      }
    }
  }

  @Test func tokensOfLlama3HaveTheirRoles() throws {
    let tokenizer = try Self.tokenizer("b-llama3", rows: 2304)
    let (tokens, types) = (try Self.strings(tokenizer, "tokens"), try Self.types(tokenizer))
    #expect(tokens[1950] == "<|begin_of_text|>")
    #expect(types[1950] == 3)
    #expect(types.prefix(1950).everySatisfies { $0 == 1 })
    #expect(Self.value(tokenizer, "ggml.bos_token_id") == .uint32(1950))
    #expect(Self.value(tokenizer, "ggml.add_bos_token") == .bool(true))
    #expect(Self.value(tokenizer, "ggml.add_eos_token") == .bool(false))
    #expect(Self.value(tokenizer, "ggml.scores") == nil)
    #expect(try Self.strings(tokenizer, "merges").count == 1344)
    guard case .string(let template) = Self.value(tokenizer, "chat_template") else {
      Issue.record("no template")
      return
    }
    #expect(template.isEmpty == false)
  }

  /// Merges are as the file has them, with the byte alphabet's character for a space.
  @Test func mergesKeepTheirOrder() throws {
    let tokenizer = try Self.tokenizer("real-gpt2", rows: 50_257)
    let merges = try Self.strings(tokenizer, "merges")
    #expect(merges.count == 50_000)
    #expect(merges.first == "\u{120} t")
    #expect(try Self.types(tokenizer).last == 3)
  }

  @Test func plainAddedTokensAreUserDefined() throws {
    let tokenizer = try Self.tokenizer("c-qwen2", rows: 4012)
    let (tokens, types) = (try Self.strings(tokenizer, "tokens"), try Self.types(tokenizer))
    #expect(tokens[4005] == "<tool_call>")
    #expect(types[4005] == 4)
    #expect(types[4000] == 3)
    #expect(types[4011] == 5)
    #expect(Self.value(tokenizer, "ggml.add_bos_token") == .bool(false))
  }

  @Test func tokensOfBytesAndTheUnknownOneHaveTheirTypes() throws {
    let tokenizer = try Self.tokenizer("d-llama2", rows: 1775)
    let types = try Self.types(tokenizer)
    #expect(types.filter { $0 == 6 }.count == 256)
    #expect(types[0] == 2)
    #expect(types[1] == 3)
    #expect(Self.value(tokenizer, "ggml.add_space_prefix") == .bool(true))
    #expect(
      Self.value(try Self.tokenizer("e4-gemma", rows: 1900), "ggml.add_space_prefix")
        == .bool(false))
  }

  @Test func moreTokensThanRowsAreRefused() {
    expectInputError(.malformed, mentioning: ["tokenizer.json", "1700 rows"]) {
      try Self.tokenizer("d-llama2", rows: 1700)
    }
  }

  /// Ends of answers that the runtime does not know by their text.
  @Test func furtherEndsOfAnswersAreSaid() throws {
    let tokenizer = try Self.tokenizer(
      "c-qwen2", rows: 4012, configuration: ["eos_token_id": [4002, 4000, 4003, 4004]])
    let names = ["<|object_ref_start|>", "<|vision_pad|>"]
    let tokens = try Self.strings(tokenizer, "tokens")
    var found: [String] = []
    for key in ["eot_token_id", "eom_token_id"] {
      guard case .uint32(let id) = Self.value(tokenizer, "ggml.\(key)") else { continue }
      found.append(tokens[Int(id)])
    }
    #expect(found == names)
  }

  /// Merging by the scores that are written gives the tokens that merging by rank gives, computed by `tokenizers`.
  @Test(arguments: [
    ("d-llama2", 1775, true), ("e1-mistral-metaspace-first", 1480, true), ("e4-gemma", 1900, false),
    ("real-mistral-7b-instruct-v0.3", 32_768, true),
  ]) func mergesByScoreAreMergesByRank(_ name: String, _ rows: Int, _ addsPrefix: Bool) throws {
    let tokenizer = try Self.tokenizer(name, rows: rows)
    guard case .array(.float32s(let scores)) = Self.value(tokenizer, "ggml.scores") else {
      throw TestFailure.missing("scores")
    }
    let (tokens, types) = (try Self.strings(tokenizer, "tokens"), try Self.types(tokenizer))
    let merging = ScoreMerging(tokens: tokens, types: types, scores: scores)
    let added = zip(tokens, types).filter { [2, 3, 4].contains($0.1) }.map(\.0)
    let cases = try JSONValue.parse(contentsOf: Self.folder(name).appending(path: "cases.json"))
    var count = 0
    for example in try #require(cases.arrayValue) {
      let text = try #require(example["text"]?.stringValue)
      let ids = try #require(example["ids"]?.arrayValue).compactMap(\.intValue)
      guard !text.isEmpty, text.utf8.count < 300,
        !added.contains(where: { text.contains($0) || text.contains("\u{2581}") })
      else { continue }
      let marked = String(
        String.UnicodeScalarView(text.unicodeScalars.map { $0 == " " ? "\u{2581}" : $0 }))
      let isMarked = marked.hasPrefix("\u{2581}") && name.hasPrefix("e1")
      let prefix =
        addsPrefix && !isMarked && !(name.hasPrefix("real") && marked.hasPrefix("\u{2581}"))
      #expect(merging.encode((prefix ? "\u{2581}" : "") + marked) == ids, "\(text)")
      count += 1
    }
    #expect(count >= 30, "\(count)")
  }
}

/// SentencePiece's merging, as llama.cpp does it: of all neighbours that make a token, those with the highest score are
/// merged first, the leftmost of equals; what is no token becomes bytes.
private struct ScoreMerging {
  private var ids: [[UInt8]: Int] = [:]
  private let scores: [Float]

  init(tokens: [String], types: [Int32], scores: [Float]) {
    self.scores = scores
    for (id, token) in tokens.enumerated() where types[id] == 1 || types[id] == 6 {
      ids[Array(token.utf8)] = id
    }
  }

  func encode(_ text: String) -> [Int] {
    var symbols = text.unicodeScalars.map { Array(String($0).utf8) }
    while true {
      var best: (position: Int, score: Float)?
      for position in symbols.indices.dropLast() {
        guard let id = ids[symbols[position] + symbols[position + 1]] else { continue }
        if best.map({ scores[id] > $0.score }) ?? true { best = (position, scores[id]) }
      }
      guard let best else { break }
      symbols[best.position] += symbols[best.position + 1]
      symbols.remove(at: best.position + 1)
    }
    return symbols.flatMap { symbol -> [Int] in
      if let id = ids[symbol] { return [id] }
      return symbol.compactMap { byte in
        let digits = String(byte, radix: 16, uppercase: true)
        return ids[Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8)]
      }
    }
  }
}
