/// Finds what a misspelt name was meant to be.
package enum NearestName {
  /// The candidate with the fewest changed, missing, additional and exchanged characters, case
  /// apart, if they are about a third of the name at most.
  package static func suggestion(
    for name: String, among candidates: some Sequence<String>
  ) -> String? { suggestions(for: name, among: candidates).first }

  /// Up to three such candidates, the nearest first.
  package static func suggestions(
    for name: String, among candidates: some Sequence<String>
  ) -> [String] {
    // Names from files may have any length; no known one is this long.
    guard name.utf8.count <= 64 else { return [] }
    let lowered = Array(name.lowercased())
    let scored = candidates.map { ($0, distance(lowered, Array($0.lowercased()))) }
    let near = scored.enumerated().filter { $0.element.1 <= max(1, (lowered.count + 1) / 3) }
    return near.sorted { ($0.element.1, $0.offset) < ($1.element.1, $1.offset) }
      .prefix(3).map(\.element.0)
  }

  /// The number of insertions, deletions, replacements and exchanges of neighbours between two names
  /// (optimal string alignment).
  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        let replaced = previous[j] + (a[i] == b[j] ? 0 : 1)
        row.append(min(replaced, previous[j + 1] + 1, row[j] + 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          row[j + 1] = min(row[j + 1], beforePrevious[j - 1] + 1)
        }
      }
      (beforePrevious, previous) = (previous, row)
    }
    return previous[b.count]
  }
}
