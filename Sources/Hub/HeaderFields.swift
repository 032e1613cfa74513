/// What fields of an answer's header say.
package enum HeaderFields {
  /// The address of the next page that a `Link` field names; nil if it names none.
  package static func nextPage(_ link: String) -> String? {
    // RFC 8288: <address>; parameter=value; …, <address>; …
    var rest = link[...]
    while let start = rest.firstIndex(of: "<"), let end = rest[start...].firstIndex(of: ">") {
      let address = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      let parameters = rest.prefix { $0 != "<" }
      rest = rest.dropFirst(parameters.count)
      for parameter in parameters.split(whereSeparator: { ";,".contains($0) }) {
        let compact = parameter.filter { !" \t\"".contains($0) }
        if compact.lowercased() == "rel=next" { return String(address) }
      }
    }
    return nil
  }

  /// What part of a file is sent, and of how many bytes, by a `Content-Range` field; nil if it says nothing of the kind.
  package static func contentRange(_ text: String) -> (range: ClosedRange<Int>, byteCount: Int)? {
    guard text.hasPrefix("bytes ") else { return nil }
    let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    let ends = parts.first?.split(separator: "-", omittingEmptySubsequences: false) ?? []
    guard parts.count == 2, ends.count == 2, let first = number(ends[0]),
      let last = number(ends[1]), let count = number(parts[1]), first <= last, last < count
    else { return nil }
    return (first...last, count)
  }

  /// A number of nothing but digits; nil if the text is none, or too large.
  package static func number(_ text: some StringProtocol) -> Int? {
    guard !text.isEmpty, !text.utf8.contains(where: { !(48...57).contains($0) }) else { return nil }
    return Int(text)
  }
}
