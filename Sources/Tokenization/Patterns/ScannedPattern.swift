/// A pattern that is matched without a regular expression: its alternatives, of which the first that
/// matches counts.
struct ScannedPattern: Sendable {
  let alternatives: [Alternative]

  init(_ alternatives: [Alternative]) { self.alternatives = alternatives }

  /// Characters of one kind.
  init(_ body: ScalarSet, length: ClosedRange<Int> = 1 ... .max, lead: ScalarSet? = nil) {
    alternatives = [.run(.init(lead: lead, body: body, length: length))]
  }

  /// Appends all matches, from left to right.
  func appendMatches(in text: Span<UInt8>, to matches: inout [Range<Int>]) {
    var position = 0
    while position < text.count {
      var end: Int?
      for alternative in alternatives {
        end = alternative.matchEnd(at: position, in: text)
        if end != nil { break }
      }
      if let end { matches.append(position..<end) }
      position = end ?? text.scalar(at: position).next
    }
  }
}
