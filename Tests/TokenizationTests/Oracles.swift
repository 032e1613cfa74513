import Foundation
import JSONText
import TestSupport
import Tokenization

/// The oracles of `Tests/Fixtures/tokenizers`; the README there says what they hold.
enum Oracles {
  static let folder = Fixtures.folder.appending(path: "tokenizers")

  /// All folders with a tokenizer.
  static let tokenizers = [
    "a1-gpt2", "a2-gpt2-prefix-space", "b-llama3", "c-qwen2", "d-llama2",
    "d2-llama2-partial-bytes", "e1-mistral-metaspace-first", "e2-metaspace-always",
    "e3-metaspace-never", "e4-gemma", "f1-unigram-precompiled", "f2-unigram-nfkc",
    "f3-unigram-byte-fallback", "f4-unigram-nmt-nfkc", "g1-gpt4o", "g2-deepseek-v3",
    "g3-deepseek-coder-digits", "g4-smollm-digits", "real-gpt2", "real-mistral-7b-instruct-v0.3",
  ]

  static func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(folder: folder.appending(path: name))
  }

  /// The elements of a list in a file, by its path in the folder.
  static func list(_ path: String) throws -> [JSONReader] {
    try JSONReader(JSONValue.parse(contentsOf: folder.appending(path: path))).elements()
  }
}

extension JSONReader {
  func ids(_ key: String) throws -> [Int] {
    try required(key).elements().map { try $0.int() }
  }

  func strings(_ key: String) throws -> [String] {
    try required(key).elements().map { try $0.string() }
  }
}

/// Text with every scalar visible, for messages: equal in this form means equal in every byte.
func visible(_ text: String) -> String {
  JSONValue.string(text).text().unicodeScalars
    .map { $0.isASCII ? String($0) : "\\u{\(String($0.value, radix: 16))}" }.joined()
}
