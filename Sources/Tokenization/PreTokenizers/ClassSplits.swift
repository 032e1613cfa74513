import Diagnostics
import JSONText

/// Pre-tokenizers that cut at characters of a class.

/// Cuts out digits, and other numbers: `Digits`.
struct DigitSplit: PreTokenizer {
  /// Whether each digit is a piece of its own, rather than each run of digits.
  let isIndividual: Bool

  init(reading reader: JSONReader) throws(InputError) {
    isIndividual = try reader.optional("individual_digits")?.bool() ?? false
  }

  func cut(_ list: inout PieceList) throws(InputError) {
    let pattern = RunPattern(classes: .number, length: 1...1)
    try list.cut(isIndividual ? .isolated : .contiguous) { pattern.appendMatches(in: $0, to: &$1) }
  }
}

/// Cuts at punctuation, and at ASCII's symbols: `Punctuation`.
struct PunctuationSplit: PreTokenizer {
  let behavior: SplitBehavior

  init(reading reader: JSONReader) throws(InputError) {
    behavior =
      if let setting = try reader.optional("behavior") {
        try SplitBehavior(reading: setting)
      } else {
        .isolated
      }
  }

  func cut(_ list: inout PieceList) throws(InputError) {
    let pattern = RunPattern(classes: [.punctuation, .asciiPunctuation], length: 1...1)
    try list.cut(behavior) { pattern.appendMatches(in: $0, to: &$1) }
  }
}

/// Cuts at blanks and drops them: `WhitespaceSplit`.
struct WhitespaceSplit: PreTokenizer {
  func cut(_ list: inout PieceList) throws(InputError) {
    let pattern = RunPattern(classes: .blank)
    try list.cut(.removed) { pattern.appendMatches(in: $0, to: &$1) }
  }
}

/// Keeps runs of word characters, and runs of other characters without the blanks: `Whitespace`.
struct WordSplit: PreTokenizer {
  private struct Pattern: PatternScanner {
    func matchEnd(at position: Int, in text: Span<UInt8>) -> Int {
      let end = text.run(from: position, of: .word)
      return end > position ? end : text.run(from: position, outside: [.word, .blank])
    }
  }

  func cut(_ list: inout PieceList) throws(InputError) {
    try list.cut(.removed, inverted: true) { Pattern().appendMatches(in: $0, to: &$1) }
  }
}
