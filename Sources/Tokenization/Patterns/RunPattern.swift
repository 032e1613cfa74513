/// A run of characters of one kind, perhaps with one blank before it: `\s?\p{L}+`, `\p{N}{1,3}`,
/// `[一-龥]+`.
struct RunPattern: PatternScanner {
  /// The classes of the characters; none if ``ranges`` say it.
  var classes: ScalarClass = []
  /// The characters by their values.
  var ranges: [ClosedRange<UInt32>] = []
  /// How many characters; a longer run gives several matches.
  var length: ClosedRange<Int> = 1 ... .max
  /// Whether a blank before the run belongs to it.
  var takesBlank = false

  func matchEnd(at position: Int, in text: Span<UInt8>) -> Int {
    if takesBlank, text.has(.blank, at: position) {
      let start = text.scalar(at: position).next
      let end = runEnd(from: start, in: text)
      if end > start { return end }
    }
    return runEnd(from: position, in: text)
  }

  private func runEnd(from position: Int, in text: Span<UInt8>) -> Int {
    var end = position
    var found = 0
    while end < text.count, found < length.upperBound {
      let (value, next) = text.scalar(at: end)
      let isIn =
        ScalarClass.of(value).isDisjoint(with: classes)
        ? ranges.contains { $0.contains(value) } : true
      guard isIn else { break }
      end = next
      found += 1
    }
    return found >= length.lowerBound ? end : position
  }
}
