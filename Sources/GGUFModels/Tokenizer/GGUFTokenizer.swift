package import Diagnostics
package import Foundation
package import GGUF
package import JSONText
import Tokenization

/// A tokenizer as metadata of a GGUF file.
package struct GGUFTokenizer: Sendable {
  /// Keys with their values, in the order of files.
  package private(set) var metadata: [(key: String, value: GGUFValue)] = []
  /// What the runtime does otherwise than the tokenizer says.
  package private(set) var remarks: [String] = []
  private let rows: Int

  /// Reads the tokenizer of a checkpoint.
  ///
  /// - Parameters:
  ///   - folder: That of tokenizer.json and what is beside it.
  ///   - configuration: The model's, which names special tokens where the tokenizer's does not.
  ///   - rows: Those of the table of tokens; there are as many tokens in the file.
  /// - Throws: `unsupported` for a tokenizer that llama.cpp does not have, with the reason.
  package init(folder: URL, configuration: JSONValue, rows: Int) throws(InputError) {
    let tokenizer = try Tokenizer(folder: folder)
    let parts = try TokenizerParts(contentsOf: folder.appending(path: "tokenizer.json"))
    self.rows = rows
    var kind = try TokenizerKind(parts)
    let type = (configuration["text_config"] ?? configuration)["model_type"]?.stringValue
    if type == "gemma4_text", kind == .sentencePiece(addsPrefix: false) { kind = .orderedMerges }
    var unknown = tokenizer.unknown
    if unknown == nil {
      unknown = try parts.settings.optional("unk_id")?.int(in: 0...max(rows - 1, 0))
    }
    let tokens = try TokenList(parts, kind: kind, rows: rows, unknown: unknown)
    add("model", .string(kind.name))
    add("pre", .string(kind.cuts))
    add("tokens", .strings(tokens.texts))
    if kind.hasScores { add("scores", .floats(tokens.scores)) }
    add("token_type", .int32s(tokens.types))
    if kind.hasMerges { add("merges", .strings(parts.merges.map(Self.text))) }

    let ids = try SpecialTokens(
      tokenizer, configuration: configuration, folder: folder, texts: tokens.texts)
    for (key, id) in ids.keys { add(key, .uint32(UInt32(id))) }
    let added = try ids.added(by: tokenizer)
    remarks += added.remarks
    add("add_bos_token", .bool(added.first))
    add("add_eos_token", .bool(added.last))
    switch kind {
    case .byteLevel: break
    case .orderedMerges: add("add_space_prefix", .bool(false))
    case .sentencePiece(let addsPrefix): add("add_space_prefix", .bool(addsPrefix))
    case .unigram(let charsmap, let addsPrefix, let removesBlanks):
      add("add_space_prefix", .bool(addsPrefix))
      add("remove_extra_whitespaces", .bool(removesBlanks))
      if let bytes = charsmap.flatMap({ Data(base64Encoded: $0) }) {
        add("precompiled_charsmap", .array(.uint8s(Array(bytes))))
      }
    }
    metadata += try ChatTemplates(folder: folder).keys
  }

  /// The tokenizer of another file, as it is there.
  package init(of metadata: GGUFMetadata, rows: Int) {
    self.rows = rows
    for entry in metadata.entries where entry.key.hasPrefix("tokenizer.") {
      self.metadata.append((entry.key, entry.value))
    }
  }

  private mutating func add(_ key: String, _ value: GGUFValue) {
    metadata.append(("tokenizer.ggml.\(key)", value))
  }

  /// `left right`, with another character for spaces inside.
  private static func text(_ merge: (left: [UInt8], right: [UInt8])) -> String {
    [merge.left, merge.right].map {
      String(decoding: $0, as: UTF8.self).replacingScalars(" ", with: "\u{120}")
    }.joined(separator: " ")
  }

  /// Checks that it was made for a model with so many rows.
  func requireRows(_ rows: Int) throws(InputError) {
    guard rows == self.rows else {
      throw InputError(
        .malformed, place: "vocab_size",
        "the tokenizer was made for \(self.rows) rows, the model has \(rows)")
    }
  }
}

extension TokenizerKind {
  /// What llama.cpp calls it.
  var name: String {
    switch self {
    case .byteLevel: "gpt2"
    case .sentencePiece: "llama"
    case .orderedMerges: "gemma4"
    case .unigram: "t5"
    }
  }

  var cuts: String { if case .byteLevel(let cuts) = self { cuts } else { "default" } }

  var hasMerges: Bool {
    switch self {
    case .byteLevel, .orderedMerges: true
    case .sentencePiece, .unigram: false
    }
  }

  var hasScores: Bool { if case .byteLevel = self { false } else { true } }
}
