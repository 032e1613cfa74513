import Diagnostics
import JSONText

/// Cuts at the matches of a pattern: `Split`, and what others cut at characters of a class.
struct PatternSplit: PreTokenizer {
  let pattern: TextPattern
  let behavior: SplitBehavior
  /// Whether what the pattern does not match counts as the matches.
  var isInverted = false

  func cut(_ list: inout PieceList) throws(InputError) {
    try list.cut(at: pattern, behavior, inverted: isInverted)
  }

  /// `Split`.
  static func pattern(_ reader: JSONReader) throws(InputError) -> PatternSplit {
    PatternSplit(
      pattern: try TextPattern(reading: try reader.required("pattern")),
      behavior: try SplitBehavior(reading: try reader.required("behavior")),
      isInverted: try reader.optional("invert")?.bool() ?? false)
  }

  /// Cuts out digits, and other numbers, as runs or one by one: `Digits`.
  static func digits(_ reader: JSONReader) throws(InputError) -> PatternSplit {
    let isIndividual = try reader.optional("individual_digits")?.bool() ?? false
    return PatternSplit(
      pattern: .scanned(ScannedPattern(ScalarSet(classes: .number), length: 1...1)),
      behavior: isIndividual ? .isolated : .contiguous)
  }

  /// Cuts at punctuation, and at ASCII's symbols: `Punctuation`.
  static func punctuation(_ reader: JSONReader) throws(InputError) -> PatternSplit {
    let characters = ScalarSet(classes: [.punctuation, .asciiPunctuation])
    let behavior = try reader.optional("behavior")
    return PatternSplit(
      pattern: .scanned(ScannedPattern(characters, length: 1...1)),
      behavior: try behavior.map(SplitBehavior.init(reading:)) ?? .isolated)
  }

  /// Cuts at blanks and drops them: `WhitespaceSplit`.
  static let blanks = PatternSplit(
    pattern: .scanned(ScannedPattern(ScalarSet(classes: .blank))), behavior: .removed)

  /// Keeps runs of word characters, and runs of other characters without the blanks: `Whitespace`.
  static let words = PatternSplit(
    pattern: .scanned(
      ScannedPattern([
        .run(.init(body: ScalarSet(classes: .word))),
        .run(.init(body: .outside([.word, .blank]))),
      ])),
    behavior: .removed, isInverted: true)
}
