/// Pairs of characters that some merge joins. Between two characters that are not such a pair, no
/// merge ever reaches across, so a piece can be cut there and each part be encoded alone.
struct MergeBoundaries: Sendable {
  /// The pairs of scalar values, the left one in the upper half.
  private var joined: IntegerTable
  private let symbols: SymbolTable

  init(symbols: SymbolTable, capacity: Int) {
    self.symbols = symbols
    joined = IntegerTable(capacity: capacity)
  }

  /// Notes that tokens of these texts, neither of them empty, merge.
  mutating func join(_ left: Span<UInt8>, _ right: Span<UInt8>) {
    joined.set(Self.key(left.scalar(before: left.count).value, right.scalar(at: 0).value), 0)
  }

  /// The first cut after `start`, or the end of the piece.
  func next(after start: Int, in piece: Span<UInt8>) -> Int {
    var (value, position) = piece.scalar(at: start)
    while position < piece.count {
      let (following, next) = piece.scalar(at: position)
      // After a character without a symbol of its own, an unknown may be held back.
      if joined[Self.key(value, following)] == nil, symbols.hasOwnSymbol(value) { break }
      (value, position) = (following, next)
    }
    return position
  }

  private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 {
    UInt64(left) << 32 | UInt64(right)
  }
}
