/// The tags of a page, read by code that knows nothing of what writes them.
struct Tags {
  /// The names of tags that begin, in order.
  var names: [String] = []
  /// What is wrong: a tag that is not closed or closes another one, an attribute without quotes.
  var faults: [String] = []

  private static let withoutEnd: Set = ["meta", "br", "!doctype"]

  init(_ page: String) {
    var open: [String] = []
    var rest = Substring(page)
    while let start = rest.firstIndex(of: "<") {
      guard let end = rest[start...].firstIndex(of: ">") else {
        faults.append("no end: \(rest[start...].prefix(40))")
        return
      }
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("/") {
        let name = String(tag.dropFirst())
        if open.popLast() != name { faults.append("</\(name)> closes another") }
        continue
      }
      let name = String(tag.prefix { $0 != " " && $0 != "/" })
      names.append(name)
      // Between quotes everything is a value; what is left has names and equal signs alone.
      let outside = tag.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset.isMultiple(of: 2) }.map(\.element)
      if tag.count(where: { $0 == "\"" }) % 2 != 0
        || outside.dropLast().contains(where: { !$0.hasSuffix("=") })
      {
        faults.append("attributes of <\(tag.prefix(60))>")
      }
      if !tag.hasSuffix("/"), !Self.withoutEnd.contains(name.lowercased()) { open.append(name) }
    }
    faults += open.map { "<\($0)> is not closed" }
  }
}
