import JSONText
import Tokenization

/// A small tokenizer.json, to be changed in one place.
enum TinyTokenizer {
  static let file: JSONValue = [
    "version": "1.0",
    "added_tokens": [
      [
        "id": 7, "content": "<s>", "special": true, "normalized": false, "single_word": false,
        "lstrip": false, "rstrip": false,
      ]
    ],
    "normalizer": ["type": "Replace", "pattern": ["String": "x"], "content": "a"],
    "pre_tokenizer": [
      "type": "Split", "pattern": ["Regex": "[ab]+|c"], "behavior": "Isolated", "invert": false,
    ],
    "post_processor": [
      "type": "TemplateProcessing",
      "single": [["SpecialToken": ["id": "<s>"]], ["Sequence": ["id": "A"]]],
      "special_tokens": ["<s>": ["id": "<s>", "ids": [7], "tokens": ["<s>"]]],
    ],
    "decoder": ["type": "Fuse"],
    "model": [
      "type": "BPE", "unk_token": "?", "fuse_unk": true,
      "vocab": ["?": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "abab": 5, "ba": 6],
      "merges": ["a b", ["ab", "ab"], "b a"],
    ],
  ]

  /// The tokenizer with one part of the file replaced, or removed.
  static func with(_ key: String, _ value: JSONValue?) throws -> Tokenizer {
    var file = Self.file
    if let value { file.set(key, value) } else { file = file.removing(key) }
    return try tokenizer(file)
  }

  /// The tokenizer with one setting of the model replaced, or removed.
  static func withModel(_ key: String, _ value: JSONValue?) throws -> Tokenizer {
    guard var model = file["model"] else { return try tokenizer(file) }
    if let value { model.set(key, value) } else { model = model.removing(key) }
    return try with("model", model)
  }

  static func tokenizer(_ file: JSONValue) throws -> Tokenizer {
    try Tokenizer(Array(file.text().utf8))
  }
}
