/// The third cut of DeepSeek-V3: words with marks, ASCII punctuation with the letters after it,
/// symbols. Numbers and control characters match nothing.
struct DeepSeekPattern: PatternScanner {
  static let text =
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|"##
    + "[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|"
    + "\\s*[\r\n]+|\\s+(?!\\S)|\\s+"

  private static let word: ScalarClass = [.upper, .lower, .caseless, .mark]
  private static let symbols: ScalarClass = [.punctuation, .symbol]

  func matchEnd(at position: Int, in text: Span<UInt8>) -> Int {
    let (classes, next) = text.classes(at: position)
    if classes.contains(.asciiPunctuation), text.has(.asciiLetter, at: next) {
      return text.run(from: next, of: .asciiLetter)
    }
    if classes.isDisjoint(with: Self.symbols.union([.newline, .letter])),
      text.has(Self.word, at: next)
    {
      return text.run(from: next, of: Self.word)
    }
    if !classes.isDisjoint(with: Self.word) { return text.run(from: next, of: Self.word) }
    if !classes.isDisjoint(with: Self.symbols) { return symbolsEnd(from: next, in: text) }
    if text[position] == 0x20, text.has(Self.symbols, at: next) {
      return symbolsEnd(from: next, in: text)
    }
    return classes.contains(.blank)
      ? text.blankEnd(at: position, newlinesFirst: true) : position
  }

  private func symbolsEnd(from position: Int, in text: Span<UInt8>) -> Int {
    text.run(from: text.run(from: position, of: Self.symbols), of: .newline)
  }
}
