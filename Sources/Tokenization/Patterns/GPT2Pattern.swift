/// GPT-2's cutting rule: contractions, words, numbers and other characters, each with the space
/// before it.
struct GPT2Pattern: PatternScanner {
  static let text =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  func matchEnd(at position: Int, in text: Span<UInt8>) -> Int {
    if let end = text.contractionEnd(at: position, anyCase: false) { return end }
    let hasSpace = text[position] == 0x20 && position + 1 < text.count
    let start = hasSpace ? position + 1 : position
    let classes = text.classes(at: start).classes
    if !classes.isDisjoint(with: .letter) { return text.run(from: start, of: .letter) }
    if classes.contains(.number) { return text.run(from: start, of: .number) }
    if !classes.contains(.blank) {
      return text.run(from: start, outside: [.blank, .letter, .number])
    }
    return text.blankEnd(at: position, newlinesFirst: false)
  }
}
