import Diagnostics
import JSONText
import Tokenization

/// The components around a tokenizer's model.
extension TokenizerDraft {
  private static let mark = "\u{2581}"
  private static let marking: JSONValue = [
    "type": "Replace", "pattern": ["String": " "], "content": .string(mark),
  ]

  private static func sequence(_ key: String, _ steps: [JSONValue]) -> JSONValue {
    steps.isEmpty ? .null : .object([.init("type", "Sequence"), .init(key, .array(steps))])
  }

  var normalizer: JSONValue {
    switch kind {
    case .byteLevel(let cuts):
      return ["qwen2", "qwen35", "deepseek-r1-qwen"].contains(cuts) ? ["type": "NFC"] : .null
    case .sentencePiece(let addsPrefix):
      let prepending: JSONValue = ["type": "Prepend", "prepend": .string(Self.mark)]
      return Self.sequence("normalizers", (addsPrefix ? [prepending] : []) + [Self.marking])
    case .orderedMerges: return Self.sequence("normalizers", [Self.marking])
    case .unigram(let charsmap, _, let removesBlanks):
      var steps: [JSONValue] = []
      if let charsmap {
        steps.append(["type": "Precompiled", "precompiled_charsmap": .string(charsmap)])
      }
      if removesBlanks {
        steps.append(["type": "Strip", "strip_left": true, "strip_right": true])
        steps.append(["type": "Replace", "pattern": ["Regex": " {2,}"], "content": " "])
      }
      return Self.sequence("normalizers", steps)
    }
  }

  private static func metaspace(_ addsPrefix: Bool) -> JSONValue {
    [
      "type": "Metaspace", "replacement": .string(mark),
      "prepend_scheme": addsPrefix ? "always" : "never", "split": true,
    ]
  }

  var preTokenizer: JSONValue {
    switch kind {
    case .byteLevel: Self.sequence("pretokenizers", cuts)
    case .sentencePiece, .orderedMerges: .null
    case .unigram(_, let addsPrefix, _): Self.metaspace(addsPrefix)
    }
  }

  var decoder: JSONValue {
    switch kind {
    case .byteLevel: return ["type": "ByteLevel"]
    case .sentencePiece, .orderedMerges:
      let strip: JSONValue = ["type": "Strip", "content": " ", "start": 1, "stop": 0]
      return Self.sequence(
        "decoders",
        [
          ["type": "Replace", "pattern": ["String": .string(Self.mark)], "content": " "],
          ["type": "ByteFallback"], ["type": "Fuse"],
        ] + (kind == .sentencePiece(addsPrefix: true) ? [strip] : []))
    case .unigram(_, let addsPrefix, _): return Self.metaspace(addsPrefix)
    }
  }

  /// The tokens around a text.
  func postProcessor() throws(InputError) -> JSONValue {
    let (first, last): (Bool, Bool) =
      switch kind {
      case .byteLevel: (ignoresMerges, false)
      case .sentencePiece, .orderedMerges: (true, false)
      case .unigram: (false, true)
      }
    let ids = [
      try keys.bool("add_bos_token") ?? first ? id("bos") : nil,
      try keys.bool("add_eos_token") ?? last ? id("eos") : nil,
    ]
    guard ids.contains(where: { $0 != nil }) else { return .null }
    func special(_ id: Int) -> JSONValue {
      ["SpecialToken": ["id": .string(tokens[id]), "type_id": 0]]
    }
    func template(_ sequences: [String]) -> JSONValue {
      .array(
        sequences.flatMap { name -> [JSONValue] in
          let text: JSONValue = ["Sequence": ["id": .string(name), "type_id": 0]]
          return [ids[0].map(special), text, ids[1].map(special)].compactMap(\.self)
        })
    }
    var described: JSONValue = .object([])
    for id in ids.compactMap(\.self) {
      described.set(
        tokens[id],
        [
          "id": .string(tokens[id]), "ids": [JSONValue(id)], "tokens": [.string(tokens[id])],
        ])
    }
    return [
      "type": "TemplateProcessing", "single": template(["A"]), "pair": template(["A", "B"]),
      "special_tokens": described,
    ]
  }
}
