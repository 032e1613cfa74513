/// A pattern that is matched without a regular expression.
protocol PatternScanner {
  /// The end of the match that begins at `position`, which is before the end of `text`; `position`
  /// itself if none begins there.
  func matchEnd(at position: Int, in text: Span<UInt8>) -> Int
}

extension PatternScanner {
  /// Appends all matches, from left to right.
  func appendMatches(in text: Span<UInt8>, to matches: inout [Range<Int>]) {
    var position = 0
    while position < text.count {
      let end = matchEnd(at: position, in: text)
      if end > position {
        matches.append(position..<end)
        position = end
      } else {
        position = text.scalar(at: position).next
      }
    }
  }
}

/// What several published patterns have in common. Positions and classes as in `Span+Scalars`.
extension Span where Element == UInt8 {
  /// `\s+(?!\S)|\s+` at a blank, after `\s*[\r\n]+` if `newlinesFirst`: of several blanks before a
  /// word, the last is left for the word.
  func blankEnd(at position: Int, newlinesFirst: Bool) -> Int {
    var end = position
    var last = position  // the position of the last blank
    var afterNewline: Int?
    while end < count {
      let (classes, next) = self.classes(at: end)
      guard classes.contains(.blank) else { break }
      last = end
      end = next
      if classes.contains(.newline) { afterNewline = next }
    }
    if newlinesFirst, let afterNewline { return afterNewline }
    return end == count || last == position ? end : last
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d` at `position`, or nil. With `anyCase` also in capitals, and with
  /// U+017F for s, which case folding takes for one.
  func contractionEnd(at position: Int, anyCase: Bool) -> Int? {
    guard position + 1 < count, self[position] == UInt8(ascii: "'") else { return nil }
    func letter(_ offset: Int) -> UInt8 {
      guard position + offset < count else { return 0 }
      let byte = self[position + offset]
      return anyCase && (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }
    switch letter(1) {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return position + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return letter(2) == UInt8(ascii: "e") ? position + 3 : nil
    case UInt8(ascii: "l"):
      return letter(2) == UInt8(ascii: "l") ? position + 3 : nil
    case 0xC5 where anyCase:
      return letter(2) == 0xBF ? position + 3 : nil
    default:
      return nil
    }
  }
}
