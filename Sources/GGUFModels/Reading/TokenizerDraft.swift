package import Checkpoints
package import Diagnostics
import Foundation
package import GGUF
import JSONText
import Tokenization

/// A tokenizer as the files beside a model would say it, made of a file's metadata.
///
/// What llama.cpp does not keep is not there: normalization to NFC is that of the published tokenizers which are cut alike.
package struct TokenizerDraft {
  let tokens: [String]
  private let types: [TokenList.Kind]
  let keys: GGUFKeys
  private let metadata: GGUFMetadata
  let kind: TokenizerKind
  let cuts: [JSONValue]
  let ignoresMerges: Bool

  /// - Parameter rows: Those of the table of tokens.
  /// - Throws: `missing`, `malformed` or `unsupported`, naming the key.
  package init(_ metadata: GGUFMetadata, rows: Int) throws(InputError) {
    self.metadata = metadata
    let keys = GGUFKeys(metadata: metadata, prefix: "tokenizer.ggml.")
    self.keys = keys
    guard let tokens = try keys.strings("tokens") else {
      throw keys.mismatch("tokens", "the texts of all tokens")
    }
    guard tokens.count <= rows else {
      throw InputError(
        .malformed, place: keys.place("tokens"),
        "has \(tokens.count) tokens, expected at most the \(rows) rows of the table of tokens")
    }
    self.tokens = tokens
    types = try Self.types(keys, count: tokens.count)
    let name = try keys.string("model")
    switch name {
    case TokenizerKind.byteLevel(cuts: "").name:
      let pre = try keys.string("pre") ?? "default"
      guard let found = PreTokenizerName.components(named: pre) else {
        throw InputError(
          .unsupported, place: keys.place("pre"),
          "texts are cut as \(quoted(pre)) says, which is not known")
      }
      (kind, cuts, ignoresMerges) = (.byteLevel(cuts: pre), found.steps, found.ignoresMerges)
    case TokenizerKind.sentencePiece(addsPrefix: true).name:
      kind = .sentencePiece(addsPrefix: try keys.bool("add_space_prefix") ?? true)
      (cuts, ignoresMerges) = ([], false)
    case "t5":
      guard
        case .array(.uint8s(let charsmap)) = keys["precompiled_charsmap"] ?? .array(.uint8s([]))
      else { throw keys.mismatch("precompiled_charsmap", "bytes") }
      kind = .unigram(
        charsmap: charsmap.isEmpty ? nil : Data(charsmap).base64EncodedString(),
        addsPrefix: try keys.bool("add_space_prefix") ?? true,
        removesBlanks: try keys.bool("remove_extra_whitespaces") ?? true)
      (cuts, ignoresMerges) = ([], false)
    case let other:
      throw InputError(
        .unsupported, place: keys.place("model"),
        "found \(quoted(other ?? "nothing")), expected gpt2, llama or t5")
    }
  }

  private static func types(_ keys: GGUFKeys, count: Int) throws(InputError) -> [TokenList.Kind] {
    guard keys.contains("token_type") else { return Array(repeating: .normal, count: count) }
    let numbers = keys["token_type"]?.wholeNumbers ?? []
    let types = numbers.compactMap { Int32(exactly: $0).flatMap(TokenList.Kind.init(rawValue:)) }
    guard numbers.count == count, types.count == count else {
      throw keys.mismatch("token_type", "a type from 1 to 6 for each of \(count) tokens")
    }
    return types
  }

  // MARK: Files

  /// tokenizer.json and what goes with it.
  package var files: [Checkpoint.Document] {
    get throws(InputError) {
      var tokenizer: JSONValue = ["version": "1.0", "truncation": nil, "padding": nil]
      tokenizer.set("added_tokens", .array(addedTokens))
      tokenizer.set("normalizer", normalizer)
      tokenizer.set("pre_tokenizer", preTokenizer)
      tokenizer.set("post_processor", try postProcessor())
      tokenizer.set("decoder", decoder)
      tokenizer.set("model", try model())
      var settings: JSONValue = ["tokenizer_class": "PreTrainedTokenizerFast"]
      for (key, role) in [
        ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"),
        ("pad_token", "padding"),
      ] {
        if let id = try self.id(role) { settings.set(key, .string(tokens[id])) }
      }
      if let templates = try templates() { settings.set("chat_template", templates) }
      var result = [
        Checkpoint.Document(name: "tokenizer.json", text: tokenizer.text()),
        Checkpoint.Document(name: "tokenizer_config.json", text: settings.text(indentation: 2)),
      ]
      if let generation = try generation() {
        result.append(
          Checkpoint.Document(
            name: "generation_config.json", text: generation.text(indentation: 2)))
      }
      return result
    }
  }

  func id(_ role: String) throws(InputError) -> Int? {
    guard !tokens.isEmpty else { return nil }
    return try keys.count("\(role)_token_id", in: 0...tokens.count - 1)
  }

  /// What stands for texts without a token.
  private var unknown: Int? {
    get throws(InputError) { try id("unknown") ?? types.firstIndex(of: .unknown) }
  }

  private func generation() throws(InputError) -> JSONValue? {
    var ends: [Int] = []
    for role in ["eos", "eot", "eom"] {
      if let id = try self.id(role), !ends.contains(id) { ends.append(id) }
    }
    guard !ends.isEmpty else { return nil }
    return ["eos_token_id": .array(ends.map { JSONValue($0) })]
  }

  private func templates() throws(InputError) -> JSONValue? {
    let keys = GGUFKeys(metadata: metadata, prefix: "tokenizer.")
    let own = try keys.string("chat_template")
    guard let names = try keys.strings("chat_templates") else { return own.map { .string($0) } }
    var list: [JSONValue] = own.map { [["name": "default", "template": .string($0)]] } ?? []
    for name in names {
      guard let text = try keys.string("chat_template.\(name)") else {
        throw keys.mismatch("chat_template.\(name)", "the text of a template")
      }
      list.append(["name": .string(name), "template": .string(text)])
    }
    return .array(list)
  }

  private var addedTokens: [JSONValue] {
    tokens.indices.filter { [.control, .userDefined, .unknown].contains(types[$0]) }.map { id in
      [
        "id": JSONValue(id), "content": .string(tokens[id]), "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": .bool(types[id] != .userDefined),
      ]
    }
  }

  // MARK: Models

  private func model() throws(InputError) -> JSONValue {
    if case .unigram = kind { return try unigram() }
    var model: JSONValue = [
      "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
      "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
      "ignore_merges": .bool(ignoresMerges),
    ]
    var seen: Set<[UInt8]> = []
    var members: [JSONValue.Member] = []
    for (id, token) in tokens.enumerated() {
      // What only fills rows is no token.
      if types[id] == .unused, token == "[PAD\(id)]" { continue }
      guard seen.insert(Array(token.utf8)).inserted else {
        throw InputError(
          .malformed, place: keys.place("tokens"), "the token \(quoted(token)) is there twice")
      }
      members.append(.init(token, JSONValue(id)))
    }
    model.set("vocab", .object(members))
    if case .sentencePiece = kind {
      model.set("fuse_unk", true)
      model.set("byte_fallback", true)
      if let unknown = try unknown {
        model.set("unk_token", .string(tokens[unknown]))
      }
      model.set("merges", .array(try ScoredMerges(tokens, types, try scores()).merges))
    } else {
      model.set("merges", .array(try merges()))
    }
    return model
  }

  private func merges() throws(InputError) -> [JSONValue] {
    guard let merges = try keys.strings("merges") else {
      throw keys.mismatch("merges", "the merges of tokens")
    }
    var result: [JSONValue] = []
    result.reserveCapacity(merges.count)
    for merge in merges {
      let halves = merge.split(separator: " ", omittingEmptySubsequences: false)
      guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty else {
        throw InputError(
          .malformed, place: keys.place("merges"),
          "found \(quoted(merge)), expected two tokens with a space between them")
      }
      result.append([.string(String(halves[0])), .string(String(halves[1]))])
    }
    return result
  }

  private func scores() throws(InputError) -> [Float] {
    guard case .array(.float32s(let scores)) = keys["scores"], scores.count == tokens.count,
      scores.allSatisfy(\.isFinite)
    else { throw keys.mismatch("scores", "a finite score for each of \(tokens.count) tokens") }
    return scores
  }

  private func unigram() throws(InputError) -> JSONValue {
    let scores = try scores()
    let pieces: [JSONValue] = zip(tokens, scores).map {
      [.string($0), .number($1.description)]
    }
    return [
      "type": "Unigram", "unk_id": try unknown.map { JSONValue($0) } ?? .null,
      "vocab": .array(pieces), "byte_fallback": false,
    ]
  }
}
