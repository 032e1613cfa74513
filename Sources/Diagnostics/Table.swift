/// Rows of text in columns: the first flush left, the others flush right, two spaces between.
package struct Table {
  package var header: [String]
  package var rows: [[String]]

  /// - Precondition: Every row has as many cells as the header.
  package init(header: [String], rows: [[String]]) {
    precondition(rows.allSatisfy { $0.count == header.count }, "every row fills all columns")
    self.header = header
    self.rows = rows
  }

  /// The header, then the rows.
  package var lines: [String] { lines(width: nil) }

  /// The header, then the rows, in lines of `width` characters where that can be done: names are cut at the
  /// front, other words at the end, and numbers never.
  package func lines(width limit: Int?) -> [String] {
    let all = [header] + rows
    var widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    var gap = 2
    if let limit {
      let least = header.indices.map { column in
        let numbers = rows.map { $0[column] }.filter { !Self.isText($0) }
        return min(widths[column], max(Self.leastWidth, numbers.map(\.count).max() ?? 0))
      }
      func excess() -> Int { widths.reduce(gap * (widths.count - 1) - limit, +) }
      if excess() > 0 { gap = 1 }
      while excess() > 0,
        let widest = widths.indices.filter({ widths[$0] > least[$0] })
          .max(by: { widths[$0] < widths[$1] })
      {
        widths[widest] -= 1
      }
    }
    return all.enumerated().map { line, row in
      row.enumerated().map { column, cell in
        let (width, isName) = (widths[column], column == 0 && line > 0)
        guard cell.count > width else {
          let space = String(repeating: " ", count: width - cell.count)
          return column == 0 ? cell + space : space + cell
        }
        return isName ? "…" + cell.suffix(width - 1) : cell.prefix(width - 1) + "…"
      }.joined(separator: String(repeating: " ", count: gap))
    }
  }

  /// The width to which text may be cut.
  private static let leastWidth = 8

  /// Whether a cell is more than a number, its unit or a shape.
  private static func isText(_ cell: String) -> Bool {
    zip(cell, cell.dropFirst()).contains { $0.isLetter && $1.isLetter }
  }
}
