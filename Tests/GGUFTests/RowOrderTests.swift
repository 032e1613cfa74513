import GGUF
import Testing

/// Which rows change places.
@Suite struct RowOrderTests {
  @Test func halvesOfHeadsTakeTurns() {
    let order = RowOrder.alternatingHalves(headSize: 6)
    #expect((0..<12).map(order.storedRow) == [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11])
  }

  /// Codes, scales and numbers of a row move together, so that a quantized matrix is ordered like its numbers.
  @Test func allThatBelongsToARowMovesWithIt() {
    let order = RowOrder.alternatingHalves(headSize: 4)
    let codes = Array(0..<8 * 3)
    let moved = order.applied(to: codes, perRow: 3)
    #expect(moved.count == codes.count)
    #expect((0..<8).map { moved[$0 * 3] / 3 } == (0..<8).map(order.storedRow))
    #expect(order.applied(to: Array(0..<8), perRow: 1) == (0..<8).map(order.storedRow))
    #expect(RowOrder.asStored.applied(to: codes, perRow: 3) == codes)
  }

  /// Two groups of three heads: the first of each group, then the second, then the third.
  @Test func headsOfGroupsAreSpread() {
    let order = RowOrder.spreadGroups(from: 2, groups: 2, perGroup: 3, size: 2)
    #expect(
      (0..<14).map(order.storedRow) == [0, 1, 2, 3, 8, 9, 4, 5, 10, 11, 6, 7, 12, 13])
  }

  /// Two key-value heads with two queries each: all queries, then all keys, then all values.
  @Test func groupsAreJoined() {
    let order = RowOrder.joinedGroups(groups: 2, queries: 2, size: 2)
    #expect(
      (0..<16).map(order.storedRow)
        == [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15])
    let single = RowOrder.joinedGroups(groups: 3, queries: 1, size: 1)
    #expect((0..<9).map(single.storedRow) == [0, 3, 6, 1, 4, 7, 2, 5, 8])
  }

  @Test func everyRowIsTakenOnce() {
    for order in [
      RowOrder.alternatingHalves(headSize: 8),
      .spreadGroups(from: 16, groups: 4, perGroup: 2, size: 6),
      .joinedGroups(groups: 4, queries: 6, size: 2),
    ] {
      #expect((0..<64).map(order.storedRow).sorted() == Array(0..<64))
    }
  }
}
