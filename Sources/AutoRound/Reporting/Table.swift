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
  package var lines: [String] {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }.joined(separator: "  ")
    }
  }
}
