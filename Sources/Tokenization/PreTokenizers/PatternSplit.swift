import Diagnostics
import JSONText

/// Cuts at the matches of a pattern: `Split`.
struct PatternSplit: PreTokenizer {
  let pattern: TextPattern
  let behavior: SplitBehavior
  /// Whether what the pattern does not match counts as the matches.
  let isInverted: Bool

  init(reading reader: JSONReader) throws(InputError) {
    pattern = try TextPattern(reading: try reader.required("pattern"))
    behavior = try SplitBehavior(reading: try reader.required("behavior"))
    isInverted = try reader.optional("invert")?.bool() ?? false
  }

  func cut(_ list: inout PieceList) throws(InputError) {
    try list.cut(behavior, inverted: isInverted) { (text, matches) throws(InputError) in
      try pattern.appendMatches(in: text, to: &matches)
    }
  }
}
