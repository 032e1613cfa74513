/// The cutting rule of GPT-4o and Mistral's Tekken: as ``WordPattern``, but a word is capitals
/// followed by small letters, so that `parseXML` is `parse` and `XML`.
struct CasedWordPattern: PatternScanner {
  /// Whether a contraction belongs to the word before it.
  let takesContractions: Bool
  /// The most digits in one group.
  let digitLimit: Int

  private static let upper: ScalarClass = [.upper, .caseless, .mark]
  private static let lower: ScalarClass = [.lower, .caseless, .mark]
  private static let others: ScalarClass = [.blank, .upper, .lower, .caseless, .number]

  func matchEnd(at position: Int, in text: Span<UInt8>) -> Int {
    let (classes, next) = text.classes(at: position)
    let hasLead = classes.isDisjoint(with: [.newline, .letter, .number]) && next < text.count
    if let end = wordEnd(at: position, afterLead: hasLead ? next : nil, in: text) {
      return takesContractions ? text.contractionEnd(at: end, anyCase: true) ?? end : end
    }
    if classes.contains(.number) {
      return text.run(from: position, of: .number, limit: digitLimit)
    }
    if classes.isDisjoint(with: Self.others) {
      return symbolsEnd(from: next, in: text)
    }
    if text[position] == 0x20, next < text.count, !text.has(Self.others, at: next) {
      return symbolsEnd(from: next, in: text)
    }
    return text.blankEnd(at: position, newlinesFirst: true)
  }

  /// The alternatives in the order of the pattern: both with the leading character and without,
  /// first for words that end in small letters.
  private func wordEnd(at position: Int, afterLead lead: Int?, in text: Span<UInt8>) -> Int? {
    if let lead, let end = smallWordEnd(at: lead, in: text) { return end }
    if let end = smallWordEnd(at: position, in: text) { return end }
    if let lead, let end = capitalWordEnd(at: lead, in: text) { return end }
    return capitalWordEnd(at: position, in: text)
  }

  /// `upper* lower+`. The classes overlap, so the capitals may have to give some back.
  private func smallWordEnd(at position: Int, in text: Span<UInt8>) -> Int? {
    var end = text.run(from: position, of: Self.upper)
    while true {
      let lowerEnd = text.run(from: end, of: Self.lower)
      if lowerEnd > end { return lowerEnd }
      if end == position { return nil }
      end = text.scalar(before: end).start
    }
  }

  /// `upper+ lower*` where ``smallWordEnd(at:in:)`` found nothing, so that no small letter follows.
  private func capitalWordEnd(at position: Int, in text: Span<UInt8>) -> Int? {
    let end = text.run(from: position, of: Self.upper)
    return end > position ? end : nil
  }

  private func symbolsEnd(from position: Int, in text: Span<UInt8>) -> Int {
    var end = text.run(from: position, outside: Self.others)
    while end < text.count, [0x0A, 0x0D, UInt8(ascii: "/")].contains(text[end]) { end += 1 }
    return end
  }
}
