/// The regular expressions of widely used tokenizers, recognized by their exact text. One added
/// character changes what a pattern matches, so nothing less than the whole text counts.
extension ScannedPattern {
  /// The scanner for a pattern, or nil if it is none of these.
  init?(_ pattern: String) {
    guard let known = Self.table.first(where: { $0.text.utf8.elementsEqual(pattern.utf8) }) else {
      return nil
    }
    self = known.pattern
  }

  /// GPT-2's cutting rule: contractions, words, numbers and other characters, each with the space
  /// before it.
  static let gpt2 = ScannedPattern([
    .contraction(anyCase: false),
    .run(.init(lead: .space, body: ScalarSet(classes: .letter))),
    .run(.init(lead: .space, body: ScalarSet(classes: .number))),
    .run(.init(lead: .space, body: .outside([.blank, .letter, .number]))),
    .blanks(newlinesFirst: false),
  ])

  /// The cutting rule of GPT-4, Llama-3 and Qwen: words take one character before them, whichever it
  /// is; numbers are cut into groups; newlines go with the blanks and symbols before them.
  ///
  /// - Parameters:
  ///   - word: What words consist of: letters, for Qwen3.5 letters and marks.
  ///   - digitLimit: The most digits in one group.
  private static func words(_ word: ScalarClass = .letter, digitLimit: Int) -> ScannedPattern {
    ScannedPattern([
      .contraction(anyCase: true),
      .run(.init(lead: .outside([.newline, .letter, .number]), body: ScalarSet(classes: word))),
      .run(.init(body: ScalarSet(classes: .number), length: 1...digitLimit)),
      .run(
        .init(lead: .space, body: .outside(word.union([.blank, .number])), tail: .newline)),
      .blanks(newlinesFirst: true),
    ])
  }

  /// The cutting rule of GPT-4o and Mistral's Tekken: as ``words(_:digitLimit:)``, with cased words.
  private static func casedWords(takesContractions: Bool, digitLimit: Int) -> ScannedPattern {
    ScannedPattern([
      .casedWord(takesContractions: takesContractions),
      .run(.init(body: ScalarSet(classes: .number), length: 1...digitLimit)),
      .run(
        .init(
          lead: .space, body: .outside([.blank, .letter, .number]),
          tail: ScalarSet(classes: .newline, ranges: [0x2F...0x2F]))),
      .blanks(newlinesFirst: true),
    ])
  }

  /// The third cut of DeepSeek-V3: words with marks, ASCII punctuation with the letters after it,
  /// symbols. Numbers and control characters match nothing.
  private static let deepSeek = ScannedPattern([
    .run(
      .init(
        lead: ScalarSet(classes: .asciiPunctuation), needsLead: true,
        body: ScalarSet(classes: .asciiLetter))),
    .run(
      .init(
        lead: .outside([.newline, .letter, .punctuation, .symbol]),
        body: ScalarSet(classes: [.letter, .mark]))),
    .run(.init(lead: .space, body: ScalarSet(classes: [.punctuation, .symbol]), tail: .newline)),
    .blanks(newlinesFirst: true),
  ])

  private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
  private static let blanks = #"\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
  private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
  private static let lead = #"[^\r\n\p{L}\p{N}]?"#

  /// What they are called here, with their texts.
  fileprivate static let table: [(name: String, text: String, pattern: ScannedPattern)] = [
    (
      "GPT-2", #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, gpt2
    ),
    (
      "Llama 3",
      contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"# + blanks,
      words(digitLimit: 3)
    ),
    // As GPT-4 has it: spelled differently, with the same matches
    (
      "GPT-4",
      #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"#
        + #"|\s*[\r\n]|\s+(?!\S)|\s+"#,
      words(digitLimit: 3)
    ),
    // Qwen2.5 and Qwen3, too
    (
      "Qwen2",
      contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"# + blanks,
      words(digitLimit: 1)
    ),
    (
      "Qwen3.5",
      contractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"#
        + blanks,
      words([.letter, .mark], digitLimit: 1)
    ),
    // o200k: gpt-oss, too
    (
      "GPT-4o",
      "\(lead)\(upper)*\(lower)+\(contractions)?|\(lead)\(upper)+\(lower)*\(contractions)?"
        + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"# + blanks,
      casedWords(takesContractions: true, digitLimit: 3)
    ),
    // Mistral-Nemo and later
    (
      "Tekken",
      "\(lead)\(upper)*\(lower)+|\(lead)\(upper)+\(lower)*"
        + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"# + blanks,
      casedWords(takesContractions: false, digitLimit: 1)
    ),
    // R1, too
    (
      "DeepSeek-V3 words",
      ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|"##
        + "[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|"
        + "\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
      deepSeek
    ),
    (
      "DeepSeek-V3 ideographs", "[一-龥\u{3040}-ゟ゠-ヿ]+",
      ScannedPattern(ScalarSet(ranges: [0x4E00...0x9FA5, 0x3040...0x309F, 0x30A0...0x30FF]))
    ),
    ("digits by three", #"\p{N}{1,3}"#, ScannedPattern(ScalarSet(classes: .number), length: 1...3)),
    // DeepSeek Coder, V2
    ("newline", "[\r\n]", ScannedPattern(.newline, length: 1...1)),
    (
      "letters", #"\s?\p{L}+"#,
      ScannedPattern(ScalarSet(classes: .letter), lead: ScalarSet(classes: .blank))
    ),
    (
      "punctuation", #"\s?\p{P}+"#,
      ScannedPattern(ScalarSet(classes: .punctuation), lead: ScalarSet(classes: .blank))
    ),
    (
      "DeepSeek Coder ideographs", "[一-龥\u{800}-一가-\u{d7ff}]+",
      ScannedPattern(ScalarSet(ranges: [0x4E00...0x9FA5, 0x800...0x4E00, 0xAC00...0xD7FF]))
    ),
    // Falcon
    (
      "Falcon digits", "[0-9][0-9][0-9]",
      ScannedPattern(ScalarSet(classes: .asciiDigit), length: 3...3)
    ),
  ]
}

/// The names of published patterns, for those who have to say which one a tokenizer has, or make one that has it.
package enum PublishedPatterns {
  /// The name of the pattern with exactly this text; nil if it is none of them.
  package static func name(ofText text: String) -> String? {
    ScannedPattern.table.first { $0.text.utf8.elementsEqual(text.utf8) }?.name
  }

  /// The text of the pattern of this name; nil if there is none.
  package static func text(ofName name: String) -> String? {
    ScannedPattern.table.first { $0.name == name }?.text
  }
}
