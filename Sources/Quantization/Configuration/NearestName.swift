/// Finds what a misspelt name was meant to be.
package enum NearestName {
  /// The candidate with the fewest changed, missing and additional characters, case apart, if they
  /// are about a third of the name at most.
  package static func suggestion(
    for name: String, among candidates: some Sequence<String>
  ) -> String? {
    // Names from files may have any length; no known one is this long.
    guard name.utf8.count <= 64 else { return nil }
    let lowered = Array(name.lowercased())
    let scored = candidates.map { ($0, distance(lowered, Array($0.lowercased()))) }
    guard let nearest = scored.min(by: { $0.1 < $1.1 }) else { return nil }
    return nearest.1 <= max(1, (lowered.count + 1) / 3) ? nearest.0 : nil
  }

  /// The number of insertions, deletions and replacements between two names (Levenshtein).
  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let replaced = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j + 1] + 1, row[j] + 1)
      }
    }
    return row[b.count]
  }
}
