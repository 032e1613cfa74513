/// Pairs of characters that some merge joins. Between two characters that are not such a pair, no
/// merge ever reaches across, so a piece can be cut there and each part be encoded alone.
struct MergeBoundaries: Sendable {
  private struct Pair: Hashable {
    let left: UInt32
    let right: UInt32
  }

  private var joined: Set<Pair> = []
  private let symbols: SymbolTable

  init(symbols: SymbolTable) {
    self.symbols = symbols
  }

  /// Notes that tokens of these texts, neither of them empty, merge.
  mutating func join(_ left: Span<UInt8>, _ right: Span<UInt8>) {
    joined.insert(
      Pair(left: left.scalar(before: left.count).value, right: right.scalar(at: 0).value))
  }

  /// The first cut after `start`, or the end of the piece.
  func next(after start: Int, in piece: Span<UInt8>) -> Int {
    var (value, position) = piece.scalar(at: start)
    while position < piece.count {
      let (following, next) = piece.scalar(at: position)
      // After a character without a symbol of its own, an unknown may be held back.
      let isJoined = joined.contains(Pair(left: value, right: following))
      if !isJoined, symbols.hasOwnSymbol(value) { break }
      (value, position) = (following, next)
    }
    return position
  }
}
