import Diagnostics

/// What became of each layer of each block, as a map: a column for each block, a row for layers of the same name.
struct LayerHeatMap {
  /// A row that stands for layers of one name; experts are together in one.
  private struct Row {
    var name: String
    /// By the column of the block.
    var cells: [Int: [LayerReport]] = [:]
  }

  /// Rows that a page has room for.
  private static let rowLimit = 48
  private static let columnLimit = LossChart.blockLimit
  /// The classes of color, from the faintest.
  private static let colorCount = 10

  private let blocks: [BlockReport]
  private let rows: [Row]
  private let remark: String
  private let rowHeight = 20.0

  init(_ all: [BlockReport]) {
    blocks = Markup.chosen(all, limit: Self.columnLimit)
    var rows: [Row] = []
    var places: [String: Int] = [:]
    for (column, block) in blocks.enumerated() {
      for layer in block.layerReports {
        let name = pattern(of: layer.name)
        let place = places[name] ?? rows.count
        if place == rows.count {
          places[name] = place
          rows.append(Row(name: name))
        }
        rows[place].cells[column, default: []].append(layer)
      }
    }
    self.rows = Array(rows.prefix(Self.rowLimit))
    remark =
      LossChart.remark(blocks.count, of: all.count)
      + (rows.count > Self.rowLimit
        ? "; the first \(Self.rowLimit) of \(rows.count) names of layers" : "")
  }

  /// The map of errors, and that of bits where they differ; empty where nothing is known of layers.
  var html: String {
    guard !rows.isEmpty else { return "" }
    let bitCounts = Set(rows.flatMap { $0.cells.values.joined().map(\.bitCount) })
    var html = map(
      "Error of each layer's weights",
      caption: "Root of the mean squared difference from the source's weights, as a share of the "
        + "root of their mean square. Tuning gives weights up to a little more of it than rounding "
        + "would, for a smaller error of the block",
      value: { $0.reduce(0) { $0 + $1.weightError } / Double($0.count) }, text: Quantities.percent)
    if bitCounts.count > 1 {
      html += map(
        "Bits of each layer",
        caption: "Bits of a weight's code, without scales and zero points",
        value: { Double($0.reduce(0) { $0 + $1.bitCount }) / Double($0.count) },
        text: Quantities.decimal)
    } else if let bitCount = bitCounts.first {
      html += "<p>All of these layers have codes of \(counted(bitCount, "bit")).</p>\n"
    }
    return html
  }

  private func map(
    _ label: String, caption: String, value: ([LayerReport]) -> Double, text: (Double) -> String
  ) -> String {
    let values = rows.map { row in row.cells.mapValues(value) }
    let finite = values.flatMap { $0.values }.filter(\.isFinite)
    guard let least = finite.min(), let largest = finite.max() else { return "" }
    func colorClass(_ value: Double) -> Int {
      guard value.isFinite, largest > least else { return Self.colorCount / 2 }
      return min(
        Self.colorCount - 1, Int((value - least) / (largest - least) * Double(Self.colorCount)))
    }
    let isRoomy = blocks.count <= 14
    let width = 1 / Double(blocks.count)
    var svg = ""
    for (position, row) in rows.enumerated() {
      let y = Double(position) * rowHeight
      svg +=
        "<text class=\"end\" x=\"-8\" y=\"\(Markup.number(y + rowHeight / 2))\" dy=\".35em\">"
        + "\(Markup.escaped(short(row.name)))</text>"
      for (column, layers) in row.cells.sorted(by: { $0.key < $1.key }) {
        guard let value = values[position][column] else { continue }
        let color = colorClass(value)
        svg += """
          <rect class="q\(color)" x="\(Markup.percent(Double(column) * width))" y="\(Markup.number(y))" \
          width="\(Markup.percent(width))" height="\(Markup.number(rowHeight))">\
          <title>\(Markup.escaped(title(row, column, layers))): \(text(value))</title></rect>
          """
        guard isRoomy else { continue }
        let ink = color > 6 ? " on" : color > 4 ? " half" : ""
        let x = Markup.percent((Double(column) + 0.5) * width)
        let middle = Markup.number(y + rowHeight / 2)
        svg += "<text class=\"mid spare cell\(ink)\" x=\"\(x)\" y=\"\(middle)\" dy=\".35em\">"
        svg += text(value) + "</text>"
      }
    }
    let height = Double(rows.count) * rowHeight
    svg += Plot.footer(Plot.positions(of: blocks), "block", height: height)
    let colors = (0..<Self.colorCount).map { "<i class=\"q\($0)\"></i>" }.joined()
    let longest = rows.map { short($0.name).count }.max() ?? 0
    let legend = "<span class=\"legend\">\(text(least)) \(colors) \(text(largest))</span>"
    return Markup.figure(
      caption: "<b>\(label).</b> \(caption)\(remark). \(legend)", side: 16 + longest * 6,
      Markup.drawing(height: height, label: label, svg)) + "\n"
  }

  private func title(_ row: Row, _ column: Int, _ layers: [LayerReport]) -> String {
    "\(blocks[column].name) \(row.name)"
      + (layers.count > 1 ? ", mean of \(Quantities.count(layers.count))" : "")
  }

  /// A name that fits beside the map on a telephone.
  private func short(_ name: String) -> String {
    name.count > 26 ? "…\(name.suffix(25))" : name
  }
}
