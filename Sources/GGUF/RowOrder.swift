/// Which row of a stored matrix becomes which row of a tensor in GGUF. Only rows change places, so that it holds for
/// quantized weights whose scales belong to parts of rows as well as for numbers; the elements of a vector are its rows.
package enum RowOrder: Hashable, Sendable {
  /// As they are.
  case asStored
  /// Of heads with so many rows: the first and the second half of a head take turns. Where a model turns channel `i`
  /// with channel `i + size / 2`, its runtime then turns neighbours.
  case alternatingHalves(headSize: Int)
  /// From a row on, heads of so many rows, which lie in groups of so many, become ordered by their place in the group.
  case spreadGroups(from: Int, groups: Int, perGroup: Int, size: Int)

  /// For each key-value head so many queries, a key and a value, heads of so many rows: then all queries come first, and
  /// all keys, and all values.
  case joinedGroups(groups: Int, queries: Int, size: Int)

  /// The stored row that a row is made of.
  package func storedRow(_ row: Int) -> Int {
    switch self {
    case .asStored: return row
    case .alternatingHalves(let size):
      let (head, place) = row.quotientAndRemainder(dividingBy: size)
      return head * size + place % 2 * (size / 2) + place / 2
    case .spreadGroups(let first, let groups, let perGroup, let size):
      guard row >= first else { return row }
      let (head, place) = (row - first).quotientAndRemainder(dividingBy: size)
      let (inGroup, group) = head.quotientAndRemainder(dividingBy: groups)
      return first + (group * perGroup + inGroup) * size + place
    case .joinedGroups(let groups, let queries, let size):
      let (head, place) = row.quotientAndRemainder(dividingBy: size)
      let others = head - groups * queries
      let (group, inGroup) =
        others < 0
        ? head.quotientAndRemainder(dividingBy: queries)
        : (others % groups, queries + others / groups)
      return (group * (queries + 2) + inGroup) * size + place
    }
  }

  /// The order of runs of so many neighbours; nil if these do not stay beside each other.
  package func ofRuns(_ length: Int) -> RowOrder? {
    guard case .spreadGroups(let first, let groups, let perGroup, let size) = self else {
      return self == .asStored ? self : nil
    }
    guard first.isMultiple(of: length), size.isMultiple(of: length) else { return nil }
    return .spreadGroups(
      from: first / length, groups: groups, perGroup: perGroup, size: size / length)
  }

  /// Whether so many rows can be ordered like this.
  package func fits(rows: Int) -> Bool {
    switch self {
    case .asStored: return true
    case .alternatingHalves(let size):
      return size > 0 && size.isMultiple(of: 2) && rows.isMultiple(of: size)
    case .spreadGroups(let first, let groups, let perGroup, let size):
      let (heads, overflowsHeads) = groups.multipliedReportingOverflow(by: perGroup)
      let (count, overflows) = heads.multipliedReportingOverflow(by: size)
      return first >= 0 && count > 0 && !overflows && !overflowsHeads && rows - first == count
    case .joinedGroups(let groups, let queries, let size):
      let (inGroup, overflowsGroup) = queries.addingReportingOverflow(2)
      let (heads, overflowsHeads) = groups.multipliedReportingOverflow(by: inGroup)
      let (count, overflows) = heads.multipliedReportingOverflow(by: size)
      return queries > 0 && count > 0 && !overflowsGroup && !overflowsHeads && !overflows
        && rows == count
    }
  }

  /// The rows in the order in which they were before ``applied(to:perRow:)``.
  ///
  /// - Precondition: `elements` are whole rows, and so many can be ordered like this.
  package func undone<Element>(in elements: [Element], perRow: Int) -> [Element] {
    guard self != .asStored, perRow > 0 else { return elements }
    precondition(elements.count.isMultiple(of: perRow) && fits(rows: elements.count / perRow))
    var result = elements
    for row in 0..<elements.count / perRow {
      let first = storedRow(row) * perRow
      result.replaceSubrange(
        first..<first + perRow, with: elements[row * perRow..<(row + 1) * perRow])
    }
    return result
  }

  /// The rows in their new order, each of so many elements: codes, scales or numbers.
  ///
  /// - Precondition: `elements` are whole rows, and so many can be ordered like this.
  package func applied<Element>(to elements: [Element], perRow: Int) -> [Element] {
    guard self != .asStored, perRow > 0 else { return elements }
    precondition(elements.count.isMultiple(of: perRow) && fits(rows: elements.count / perRow))
    return (0..<elements.count / perRow).flatMap { row in
      let first = storedRow(row) * perRow
      return elements[first..<first + perRow]
    }
  }
}
