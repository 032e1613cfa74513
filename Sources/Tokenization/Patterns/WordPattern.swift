/// The cutting rule of GPT-4, Llama-3 and Qwen: words take one character before them, whichever it
/// is; numbers are cut into groups; newlines go with the blanks and symbols before them.
struct WordPattern: PatternScanner {
  /// What words consist of: letters, for Qwen3.5 letters and marks.
  let word: ScalarClass
  /// The most digits in one group.
  let digitLimit: Int

  func matchEnd(at position: Int, in text: Span<UInt8>) -> Int {
    if let end = text.contractionEnd(at: position, anyCase: true) { return end }
    let (classes, next) = text.classes(at: position)
    if classes.isDisjoint(with: [.newline, .letter, .number]), text.has(word, at: next) {
      return text.run(from: next, of: word)
    }
    if !classes.isDisjoint(with: word) { return text.run(from: next, of: word) }
    if classes.contains(.number) {
      return text.run(from: position, of: .number, limit: digitLimit)
    }
    let others = word.union([.blank, .number])
    if classes.isDisjoint(with: others) {
      return text.run(from: text.run(from: next, outside: others), of: .newline)
    }
    if text[position] == 0x20, next < text.count, !text.has(others, at: next) {
      return text.run(from: text.run(from: next, outside: others), of: .newline)
    }
    return text.blankEnd(at: position, newlinesFirst: true)
  }
}
