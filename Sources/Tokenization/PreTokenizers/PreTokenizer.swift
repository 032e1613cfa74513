import Diagnostics

/// Cuts a normalized stretch of text into the pieces that the model encodes one by one.
protocol PreTokenizer: Sendable {
  func cut(_ list: inout PieceList) throws(InputError)
}

/// Each `pre_tokenizer` of tokenizer.json.
let preTokenizers = ComponentTable<any PreTokenizer>(
  "pre-tokenizer", sequence: "pretokenizers",
  [
    ("ByteLevel", ByteLevelPreTokenizer.init(reading:)),
    ("Metaspace", MetaspacePreTokenizer.init(reading:)),
    ("Split", PatternSplit.pattern),
    ("Digits", PatternSplit.digits),
    ("Punctuation", PatternSplit.punctuation),
    ("WhitespaceSplit", { _ in PatternSplit.blanks }),
    ("Whitespace", { _ in PatternSplit.words }),
  ])
