extension Sequence {
  /// Whether there is an element, and all of them satisfy the predicate. What is compared with nothing has not
  /// been compared: `allSatisfy` is true of an empty list.
  package func everySatisfies(_ predicate: (Element) throws -> Bool) rethrows -> Bool {
    var isEmpty = true
    for element in self {
      guard try predicate(element) else { return false }
      isEmpty = false
    }
    return !isEmpty
  }
}
