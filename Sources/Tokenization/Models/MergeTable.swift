/// Which pairs of tokens merge, into which token, and which pair goes first.
struct MergeTable: Sendable {
  /// For each pair of ids its merge: the rank in the upper half, the merged id in the lower.
  private var merges: IntegerTable

  init(capacity: Int) {
    merges = IntegerTable(capacity: capacity)
  }

  /// Adds a pair; of a pair that is there already, the rank becomes this one.
  mutating func insert(_ left: Int, _ right: Int, rank: Int, merged: Int) {
    merges.set(Self.key(Int32(left), Int32(right)), UInt64(rank) << 32 | UInt64(merged))
  }

  /// The merge of a pair, which comes first if it is smaller; `UInt64.max` if there is none.
  private subscript(_ left: Int32, _ right: Int32) -> UInt64 {
    merges[Self.key(left, right)] ?? .max
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private static func merged(_ merge: UInt64) -> Int32 {
    Int32(truncatingIfNeeded: merge)
  }

  /// Merges the symbols of the workspace as far as it goes: always the pair of the smallest rank,
  /// the leftmost of those.
  func merge(_ workspace: inout EncodingWorkspace) {
    if workspace.symbols.count <= Self.longestScan {
      mergeByScanning(&workspace.symbols, &workspace.merges)
    } else {
      mergeByHeap(&workspace.symbols, &workspace.linked)
    }
  }

  /// Up to so many symbols, looking through all pairs beats keeping them in order.
  private static let longestScan = 32

  private func mergeByScanning(_ symbols: inout [Int32], _ merges: inout [UInt64]) {
    guard symbols.count > 1 else { return }
    merges.removeAll(keepingCapacity: true)
    for index in 1..<symbols.count { merges.append(self[symbols[index - 1], symbols[index]]) }
    while true {
      var best = UInt64.max
      var position = 0
      for index in merges.indices where merges[index] < best {
        best = merges[index]
        position = index
      }
      guard best != .max else { return }
      symbols[position] = Self.merged(best)
      symbols.remove(at: position + 1)
      merges.remove(at: position)
      if position > 0 { merges[position - 1] = self[symbols[position - 1], symbols[position]] }
      if position < merges.count {
        merges[position] = self[symbols[position], symbols[position + 1]]
      }
    }
  }

  /// In O(n log n): whole documents come as one piece.
  private func mergeByHeap(_ symbols: inout [Int32], _ linked: inout LinkedSymbols) {
    linked.reset(symbols)
    for position in 1..<symbols.count {
      linked.collect(self[symbols[position - 1], symbols[position]], at: position - 1)
    }
    linked.orderCandidates()
    while let (merge, position) = linked.nextCandidate() {
      guard let right = linked.right(of: position) else { continue }
      // The pair may have changed since the candidate was found.
      let current = self[linked.symbol(position), linked.symbol(right)]
      guard current != .max, Self.merged(current) == Self.merged(merge) else { continue }
      linked.join(position, right, into: Self.merged(merge))
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
