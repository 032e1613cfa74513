/// Which pairs of tokens merge, into which token, and which pair goes first.
struct MergeTable: Sendable {
  private struct Pair: Hashable {
    let left: Int32
    let right: Int32
  }

  /// What becomes of a pair: the smaller its rank, the earlier.
  struct Merge: Sendable {
    let rank: Int32
    let merged: Int32
  }

  private var merges: [Pair: Merge]

  init(capacity: Int) {
    merges = Dictionary(minimumCapacity: capacity)
  }

  /// Adds a pair; of a pair that is there already, the rank becomes this one.
  mutating func insert(_ left: Int, _ right: Int, rank: Int, merged: Int) {
    merges[Pair(left: Int32(left), right: Int32(right))] =
      Merge(rank: Int32(rank), merged: Int32(merged))
  }

  private subscript(_ left: Int32, _ right: Int32) -> Merge? {
    merges[Pair(left: left, right: right)]
  }

  /// Merges symbols as far as it goes: always the pair of the smallest rank, the leftmost of those.
  ///
  /// - Complexity: O(n log n), since whole documents come as one piece.
  func merge(_ symbols: inout [Int32], _ linked: inout LinkedSymbols) {
    guard symbols.count > 1 else { return }
    linked.reset(symbols)
    for position in 1..<symbols.count {
      linked.add(self[symbols[position - 1], symbols[position]], at: position - 1)
    }
    while let (merged, position) = linked.nextCandidate() {
      guard let right = linked.right(of: position) else { continue }
      // The pair may have changed since the candidate was found.
      let current = self[linked.symbol(position), linked.symbol(right)]
      guard current?.merged == merged else { continue }
      linked.join(position, right, into: merged)
      if let left = linked.left(of: position) {
        linked.add(self[linked.symbol(left), linked.symbol(position)], at: left)
      }
      if let right = linked.right(of: position) {
        linked.add(self[linked.symbol(position), linked.symbol(right)], at: position)
      }
    }
    linked.copySymbols(to: &symbols)
  }
}
