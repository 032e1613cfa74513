/// One alternative of a pattern that is matched without a regular expression.
enum Alternative: Sendable {
  case run(Run)
  /// `'s|'t|'re|'ve|'m|'ll|'d`. With `anyCase` also in capitals, and with U+017F for s, which case
  /// folding takes for one.
  case contraction(anyCase: Bool)
  /// A word is capitals followed by small letters, so that `parseXML` is `parse` and `XML`; with one
  /// character before it, whichever it is, and perhaps a contraction behind it.
  case casedWord(takesContractions: Bool)
  /// `\s+(?!\S)|\s+`, after `\s*[\r\n]+` if `newlinesFirst`: of several blanks before a word, the last
  /// is left for the word.
  case blanks(newlinesFirst: Bool)

  /// `lead? body{length} tail*`: characters of one kind with what belongs to them.
  struct Run: Sendable {
    /// The character that may come before.
    var lead: ScalarSet?
    /// Whether it has to.
    var needsLead = false
    var body: ScalarSet
    /// How many characters of the body; a longer run gives several matches.
    var length: ClosedRange<Int> = 1 ... .max
    var tail: ScalarSet?
  }

  /// The end of the match that begins at `position`, which is before the end of `text`; nil if none
  /// begins there.
  func matchEnd(at position: Int, in text: Span<UInt8>) -> Int? {
    switch self {
    case .run(let run): run.matchEnd(at: position, in: text)
    case .contraction(let anyCase): text.contractionEnd(at: position, anyCase: anyCase)
    case .casedWord(let takesContractions):
      text.casedWordEnd(at: position).map { end in
        takesContractions ? text.contractionEnd(at: end, anyCase: true) ?? end : end
      }
    case .blanks(let newlinesFirst): text.blankEnd(at: position, newlinesFirst: newlinesFirst)
    }
  }
}

extension Alternative.Run {
  fileprivate func matchEnd(at position: Int, in text: Span<UInt8>) -> Int? {
    if let lead {
      let (value, next) = text.scalar(at: position)
      if lead.contains(value), let end = bodyEnd(at: next, in: text) { return end }
      if needsLead { return nil }
    }
    return bodyEnd(at: position, in: text)
  }

  private func bodyEnd(at position: Int, in text: Span<UInt8>) -> Int? {
    let (end, count) = text.run(from: position, of: body, limit: length.upperBound)
    guard count >= length.lowerBound else { return nil }
    return tail.map { text.run(from: end, of: $0).end } ?? end
  }
}

/// What is not a run. Positions and classes as in `Span+Scalars`.
extension Span where Element == UInt8 {
  fileprivate func blankEnd(at position: Int, newlinesFirst: Bool) -> Int? {
    var end = position
    var last = position  // the position of the last blank
    var afterNewline: Int?
    while end < count {
      let (value, next) = scalar(at: end)
      let classes = ScalarClass.of(value)
      guard classes.contains(.blank) else { break }
      last = end
      end = next
      if classes.contains(.newline) { afterNewline = next }
    }
    if newlinesFirst, let afterNewline { return afterNewline }
    return end == position ? nil : end == count || last == position ? end : last
  }

  fileprivate func contractionEnd(at position: Int, anyCase: Bool) -> Int? {
    guard position + 1 < count, self[position] == UInt8(ascii: "'") else { return nil }
    let letters = extracting(position + 1..<Swift.min(position + 3, count))
    let text = String(decoding: Array(letters), as: UTF8.self)
    let endings = ["s", "t", "re", "ve", "m", "ll", "d"] + (anyCase ? ["\u{17F}"] : [])
    let found = endings.first { (anyCase ? text.lowercased() : text).utf8.starts(with: $0.utf8) }
    return found.map { position + 1 + $0.utf8.count }
  }

  /// The alternatives in the order of the pattern: both with the leading character and without,
  /// first for words that end in small letters.
  fileprivate func casedWordEnd(at position: Int) -> Int? {
    let (value, next) = scalar(at: position)
    let starts =
      ScalarSet.outside([.newline, .letter, .number]).contains(value)
      ? [next, position] : [position]
    for start in starts { if let end = smallWordEnd(at: start) { return end } }
    // No small letter follows the capitals then.
    for start in starts {
      let (end, length) = run(from: start, of: ScalarSet(classes: [.upper, .caseless, .mark]))
      if length > 0 { return end }
    }
    return nil
  }

  /// `upper* lower+`. The classes overlap, so the capitals may have to give some back.
  private func smallWordEnd(at position: Int) -> Int? {
    var end = run(from: position, of: ScalarSet(classes: [.upper, .caseless, .mark])).end
    while true {
      let lower = run(from: end, of: ScalarSet(classes: [.lower, .caseless, .mark]))
      if lower.length > 0 { return lower.end }
      if end == position { return nil }
      end = scalar(before: end).start
    }
  }
}
