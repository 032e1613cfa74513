/// The regular expressions of widely used tokenizers, recognized by their exact text. One added
/// character changes what a pattern matches, so nothing less than the whole text counts.
enum PublishedPattern: Sendable {
  case gpt2(GPT2Pattern)
  case word(WordPattern)
  case casedWord(CasedWordPattern)
  case deepSeek(DeepSeekPattern)
  case run(RunPattern)

  /// The scanner for a pattern, or nil if it is none of these.
  init?(_ pattern: String) {
    guard let known = Self.table.first(where: { $0.text.utf8.elementsEqual(pattern.utf8) }) else {
      return nil
    }
    self = known.pattern
  }

  func appendMatches(in text: Span<UInt8>, to matches: inout [Range<Int>]) {
    switch self {
    case .gpt2(let pattern): pattern.appendMatches(in: text, to: &matches)
    case .word(let pattern): pattern.appendMatches(in: text, to: &matches)
    case .casedWord(let pattern): pattern.appendMatches(in: text, to: &matches)
    case .deepSeek(let pattern): pattern.appendMatches(in: text, to: &matches)
    case .run(let pattern): pattern.appendMatches(in: text, to: &matches)
    }
  }

  private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
  private static let blanks = #"\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
  private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
  private static let lead = #"[^\r\n\p{L}\p{N}]?"#
  private static let withMarks: ScalarClass = [.upper, .lower, .caseless, .mark]

  private static let table: [(text: String, pattern: PublishedPattern)] = [
    (GPT2Pattern.text, .gpt2(GPT2Pattern())),
    // Llama-3
    (
      contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"# + blanks,
      .word(WordPattern(word: .letter, digitLimit: 3))
    ),
    // cl100k, as GPT-4 has it: spelled differently, with the same matches
    (
      #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"#
        + #"|\s*[\r\n]|\s+(?!\S)|\s+"#,
      .word(WordPattern(word: .letter, digitLimit: 3))
    ),
    // Qwen2, Qwen2.5, Qwen3
    (
      contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"# + blanks,
      .word(WordPattern(word: .letter, digitLimit: 1))
    ),
    // Qwen3.5
    (
      contractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"#
        + blanks,
      .word(WordPattern(word: withMarks, digitLimit: 1))
    ),
    // o200k: GPT-4o, gpt-oss
    (
      "\(lead)\(upper)*\(lower)+\(contractions)?|\(lead)\(upper)+\(lower)*\(contractions)?"
        + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"# + blanks,
      .casedWord(CasedWordPattern(takesContractions: true, digitLimit: 3))
    ),
    // Tekken: Mistral-Nemo and later
    (
      "\(lead)\(upper)*\(lower)+|\(lead)\(upper)+\(lower)*"
        + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"# + blanks,
      .casedWord(CasedWordPattern(takesContractions: false, digitLimit: 1))
    ),
    // DeepSeek-V3, R1
    (DeepSeekPattern.text, .deepSeek(DeepSeekPattern())),
    (
      "[一-龥\u{3040}-ゟ゠-ヿ]+",
      .run(RunPattern(ranges: [0x4E00...0x9FA5, 0x3040...0x309F, 0x30A0...0x30FF]))
    ),
    (#"\p{N}{1,3}"#, .run(RunPattern(classes: .number, length: 1...3))),
    // DeepSeek Coder, V2
    ("[\r\n]", .run(RunPattern(classes: .newline, length: 1...1))),
    (#"\s?\p{L}+"#, .run(RunPattern(classes: .letter, takesBlank: true))),
    (#"\s?\p{P}+"#, .run(RunPattern(classes: .punctuation, takesBlank: true))),
    (
      "[一-龥\u{800}-一가-\u{d7ff}]+",
      .run(RunPattern(ranges: [0x4E00...0x9FA5, 0x800...0x4E00, 0xAC00...0xD7FF]))
    ),
    // Falcon
    ("[0-9][0-9][0-9]", .run(RunPattern(classes: .asciiDigit, length: 3...3))),
  ]
}
