/// Symbols in a doubly linked list, and a heap of the merges that may come next.
struct LinkedSymbols: Sendable {
  /// The symbol at each position; -1 where it was joined into its left neighbour.
  private var symbols: [Int32] = []
  private var lefts: [Int32] = []
  private var rights: [Int32] = []
  /// A binary heap, the smallest first.
  private var candidates: [Candidate] = []

  private struct Candidate: Comparable {
    let rank: Int32
    let position: Int32
    /// The symbol that comes of it.
    let merged: Int32

    static func < (a: Candidate, b: Candidate) -> Bool {
      (a.rank, a.position) < (b.rank, b.position)
    }
  }

  mutating func reset(_ symbols: [Int32]) {
    self.symbols = symbols
    lefts = (0..<Int32(symbols.count)).map { $0 - 1 }
    rights = (0..<Int32(symbols.count)).map { $0 + 1 }
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

  /// Adds what a pair may become, if it merges.
  mutating func add(_ merge: MergeTable.Merge?, at position: Int) {
    guard let merge else { return }
    var index = candidates.count
    candidates.append(
      Candidate(rank: merge.rank, position: Int32(position), merged: merge.merged))
    while index > 0, candidates[index] < candidates[(index - 1) / 2] {
      candidates.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// Takes out the candidate of the smallest rank, the leftmost of those.
  mutating func nextCandidate() -> (merged: Int32, position: Int)? {
    guard let first = candidates.first else { return nil }
    candidates.swapAt(0, candidates.count - 1)
    candidates.removeLast()
    var index = 0
    while 2 * index + 1 < candidates.count {
      var child = 2 * index + 1
      if child + 1 < candidates.count, candidates[child + 1] < candidates[child] { child += 1 }
      guard candidates[child] < candidates[index] else { break }
      candidates.swapAt(index, child)
      index = child
    }
    return (first.merged, Int(first.position))
  }
}
