import Diagnostics

/// A stretch of text on its way through the pre-tokenizers: the text, and where it is cut.
struct PieceList: Sendable {
  /// The text, in well-formed UTF-8.
  private(set) var bytes: [UInt8]
  /// The pieces, in order, none empty. They need not cover the text.
  private(set) var pieces: [Range<Int>]
  /// Whether the start of ``bytes`` is the very start of the input text.
  private var beginsInput: Bool

  /// Starts with one piece, the whole text.
  init(_ text: NormalizedText) {
    bytes = text.bytes
    pieces = bytes.isEmpty ? [] : [0..<bytes.count]
    beginsInput = text.beginsInput
  }

  /// Whether a piece begins at the very start of the input text.
  func beginsInput(_ piece: Range<Int>) -> Bool {
    beginsInput && piece.lowerBound == 0
  }

  /// Cuts each piece at the matches of a pattern.
  mutating func cut(
    at pattern: TextPattern, _ behavior: SplitBehavior, inverted: Bool = false
  ) throws(InputError) {
    var matches: [Range<Int>] = []
    var stretches: [Stretch] = []
    var result: [Range<Int>] = []
    result.reserveCapacity(pieces.count)
    for piece in pieces {
      matches.removeAll(keepingCapacity: true)
      try pattern.appendMatches(in: bytes.span.extracting(piece), to: &matches)
      stretches.removeAll(keepingCapacity: true)
      var end = piece.lowerBound
      for match in matches {
        let start = piece.lowerBound + match.lowerBound
        if start > end { stretches.append(Stretch(range: end..<start, isMatch: inverted)) }
        end = piece.lowerBound + match.upperBound
        stretches.append(Stretch(range: start..<end, isMatch: !inverted))
      }
      if end < piece.upperBound {
        stretches.append(Stretch(range: end..<piece.upperBound, isMatch: inverted))
      }
      behavior.append(stretches, to: &result)
    }
    pieces = result
  }

  /// Puts another text in the place of each piece: what `body` appends for it.
  mutating func rewrite(_ body: (Range<Int>, Span<UInt8>, inout [UInt8]) -> Void) {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + pieces.count)
    var result: [Range<Int>] = []
    result.reserveCapacity(pieces.count)
    for piece in pieces {
      let start = output.count
      body(piece, bytes.span.extracting(piece), &output)
      if output.count > start { result.append(start..<output.count) }
    }
    beginsInput = pieces.first.map { beginsInput($0) } ?? false
    bytes = output
    pieces = result
  }
}

/// A part of a piece: a match, or the gap between two.
struct Stretch {
  let range: Range<Int>
  let isMatch: Bool
}
