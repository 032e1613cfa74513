/// Finds one set of added tokens in texts.
struct AddedTokenSearch: Sendable {
  /// A part of a text: an added token, or what is between two.
  enum Part {
    case token(Int)
    case text(Range<Int>)
  }

  private struct Entry {
    let token: AddedToken
    let id: Int
  }

  private var patterns = ByteTrie()
  private var entries: [Entry] = []

  /// - Parameter tokens: Of two with the same pattern the first counts; empty patterns are not
  ///   searched.
  init(_ tokens: [(token: AddedToken, id: Int, pattern: [UInt8])]) {
    var known: Set<[UInt8]> = [[]]
    for (token, id, pattern) in tokens where known.insert(pattern).inserted {
      patterns.insert(pattern, number: entries.count)
      entries.append(Entry(token: token, id: id))
    }
  }

  /// The parts of a text, from left to right.
  func cut(_ bytes: [UInt8]) -> [Part] {
    if entries.isEmpty { return bytes.isEmpty ? [] : [.text(0..<bytes.count)] }
    let text = bytes.span
    var parts: [Part] = []
    var done = 0
    var position = 0
    while let (found, entry) = firstMatch(from: position, in: text) {
      position = found.upperBound
      var (start, end) = (found.lowerBound, found.upperBound)
      if entry.token.isSingleWord, wordGoesOn(around: found, in: text) { continue }
      if entry.token.stripsLeft { start = max(text.blankStart(before: start, from: done), done) }
      if entry.token.stripsRight { end = text.blankEnd(after: end) }
      if start > done { parts.append(.text(done..<start)) }
      parts.append(.token(entry.id))
      // The search goes on behind the token itself. A token among the blanks that this one has
      // swallowed still counts, and what follows that one is text again.
      done = end
    }
    if done < bytes.count { parts.append(.text(done..<bytes.count)) }
    return parts
  }

  /// The leftmost match, and of those that begin there the longest.
  private func firstMatch(from start: Int, in text: Span<UInt8>) -> (Range<Int>, Entry)? {
    for first in start..<text.count {
      var node = ByteTrie.root
      var end = first
      var longest: (end: Int, number: Int)?
      while end < text.count, let child = patterns.child(of: node, text[end]) {
        node = child
        end += 1
        if let number = patterns.number(at: node) { longest = (end, number) }
      }
      if let longest { return (first..<longest.end, entries[longest.number]) }
    }
    return nil
  }

  private func wordGoesOn(around match: Range<Int>, in text: Span<UInt8>) -> Bool {
    if match.lowerBound > 0, isWordCharacter(text.scalar(before: match.lowerBound).value) {
      return true
    }
    return match.upperBound < text.count && isWordCharacter(text.scalar(at: match.upperBound).value)
  }

  private func isWordCharacter(_ value: UInt32) -> Bool {
    // Joiners (Join_Control) hold words together.
    ScalarClass.of(value).contains(.word) || value == 0x200C || value == 0x200D
  }
}
