import Diagnostics
import JSONText

/// What becomes of the matches at which a piece is cut.
enum SplitBehavior: String, Sendable {
  /// A piece of its own for each.
  case isolated = "Isolated"
  /// Dropped.
  case removed = "Removed"
  /// The end of the piece before, unless that is a match.
  case mergedWithPrevious = "MergedWithPrevious"
  /// The start of the piece after, unless that is a match.
  case mergedWithNext = "MergedWithNext"
  /// As isolated, with neighbours joined.
  case contiguous = "Contiguous"

  init(reading reader: JSONReader) throws(InputError) {
    guard let behavior = SplitBehavior(rawValue: try reader.string()) else {
      throw reader.mismatch("Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous")
    }
    self = behavior
  }

  /// Appends the pieces that the stretches of one piece make. Empty ones are dropped.
  func append(_ stretches: [Stretch], to pieces: inout [Range<Int>]) {
    let first = pieces.count
    switch self {
    case .isolated:
      for stretch in stretches where !stretch.range.isEmpty { pieces.append(stretch.range) }
      return
    case .removed:
      for stretch in stretches where !stretch.isMatch { pieces.append(stretch.range) }
    case .mergedWithPrevious:
      var afterMatch = false
      for stretch in stretches {
        if stretch.isMatch, !afterMatch, pieces.count > first {
          Self.extend(&pieces, to: stretch.range)
        } else {
          pieces.append(stretch.range)
        }
        afterMatch = stretch.isMatch
      }
    case .mergedWithNext:
      // The first of several matches in a row is alone; the last joins the gap after it.
      for (index, stretch) in stretches.enumerated() {
        let joins = index > 0 && stretches[index - 1].isMatch && !stretch.isMatch
        if joins { Self.extend(&pieces, to: stretch.range) } else { pieces.append(stretch.range) }
      }
    case .contiguous:
      for (index, stretch) in stretches.enumerated() {
        let joins = index > 0 && stretches[index - 1].isMatch == stretch.isMatch
        if joins { Self.extend(&pieces, to: stretch.range) } else { pieces.append(stretch.range) }
      }
    }
    pieces[first...].removeAll(where: \.isEmpty)
  }

  private static func extend(_ pieces: inout [Range<Int>], to range: Range<Int>) {
    pieces[pieces.count - 1] = pieces[pieces.count - 1].lowerBound..<range.upperBound
  }
}
