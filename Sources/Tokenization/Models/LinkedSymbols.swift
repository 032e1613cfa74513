/// Symbols in a doubly linked list, and a heap of the merges that may come next.
struct LinkedSymbols: Sendable {
  /// The symbol at each position; -1 where it was joined into its left neighbour.
  private var symbols: [Int32] = []
  private var lefts: [Int32] = []
  private var rights: [Int32] = []
  /// A binary heap, the smallest first.
  private var candidates: [Candidate] = []

  private struct Candidate: Sendable {
    /// The rank of the merge (upper half) and the position (lower half): what decides.
    let order: UInt64
    /// The id that comes of it.
    let merged: UInt32
  }

  mutating func reset(_ symbols: [Int32]) {
    self.symbols = symbols
    lefts = (0..<Int32(symbols.count)).map { $0 - 1 }
    rights = (1...Int32(symbols.count)).map { $0 }
    candidates.removeAll(keepingCapacity: true)
  }

  func symbol(_ position: Int) -> Int32 { symbols[position] }

  /// The position of the right neighbour; nil at the end, or if the symbol is gone.
  func right(of position: Int) -> Int? {
    let right = Int(rights[position])
    return symbols[position] < 0 || right == symbols.count ? nil : right
  }

  func left(of position: Int) -> Int? {
    lefts[position] < 0 ? nil : Int(lefts[position])
  }

  /// Puts `symbol` in the place of two neighbours.
  mutating func join(_ left: Int, _ right: Int, into symbol: Int32) {
    symbols[left] = symbol
    symbols[right] = -1
    let next = rights[right]
    rights[left] = next
    if next < symbols.count { lefts[Int(next)] = Int32(left) }
  }

  func copySymbols(to output: inout [Int32]) {
    output.removeAll(keepingCapacity: true)
    for symbol in symbols where symbol >= 0 { output.append(symbol) }
  }

  // MARK: Heap

  /// Adds a candidate without keeping order; `merge` as in ``MergeTable``, `UInt64.max` for none.
  mutating func collect(_ merge: UInt64, at position: Int) {
    guard merge != .max else { return }
    candidates.append(
      Candidate(
        order: (merge >> 32) << 32 | UInt64(position), merged: UInt32(truncatingIfNeeded: merge)))
  }

  /// Brings what was collected into order.
  mutating func orderCandidates() {
    for index in stride(from: candidates.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  /// Adds a candidate in its place.
  mutating func add(_ merge: UInt64, at position: Int) {
    guard merge != .max else { return }
    collect(merge, at: position)
    var index = candidates.count - 1
    while index > 0, candidates[index].order < candidates[(index - 1) / 2].order {
      candidates.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// Takes out the candidate of the smallest rank, the leftmost of those.
  mutating func nextCandidate() -> (merge: UInt64, position: Int)? {
    guard let first = candidates.first else { return nil }
    candidates.swapAt(0, candidates.count - 1)
    candidates.removeLast()
    sink(0)
    return (
      (first.order >> 32) << 32 | UInt64(first.merged), Int(first.order & 0xFFFF_FFFF)
    )
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var child = 2 * index + 1
      guard child < candidates.count else { return }
      if child + 1 < candidates.count, candidates[child + 1].order < candidates[child].order {
        child += 1
      }
      guard candidates[child].order < candidates[index].order else { return }
      candidates.swapAt(index, child)
      index = child
    }
  }
}
