import Foundation

/// The frame of a chart: numbers beside it, lines across, and what stands below.
///
/// Places along the width are in percent, those along the height in pixels: so the chart is as wide as the page, and its
/// letters are as large as other letters however narrow that is, without a script.
struct Plot {
  var height = 240.0
  let vertical: PlotAxis
  /// What is written below: where, from 0 to 1, and what.
  let below: [(share: Double, text: String)]
  /// What the numbers below are.
  let belowTitle: String
  /// What the numbers beside it are.
  let sideTitle: String

  /// How far down a number stands.
  func y(_ value: Double) -> Double { height * (1 - vertical.place(value)) }

  /// - Parameter marks: What is drawn of the numbers.
  func drawing(label: String, _ marks: String) -> String {
    var svg = ""
    for tick in vertical.ticks {
      let y = Markup.number(y(tick.value))
      svg +=
        "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"\(y)\" y2=\"\(y)\"/>"
        + "<text class=\"end\" x=\"-8\" y=\"\(y)\" dy=\".35em\">\(tick.text)</text>"
    }
    svg += "<text x=\"0\" y=\"-10\">\(Markup.escaped(sideTitle))</text>"
    svg += Self.footer(below, belowTitle, height: height)
    return Markup.drawing(height: height, label: label, svg + marks)
  }

  /// What is written below a drawing of this height: at places of its width, and what that is.
  static func footer(
    _ ticks: [(share: Double, text: String)], _ title: String, height: Double
  ) -> String {
    let isCrowded = ticks.count > 6
    var svg = ""
    for (index, tick) in ticks.enumerated() {
      // On a narrow page every other one has to do.
      let isSpare = isCrowded && !index.isMultiple(of: 2)
      svg +=
        "<text class=\"mid\(isSpare ? " spare" : "")\" x=\"\(Markup.percent(tick.share))\" "
        + "y=\"\(Markup.number(height + 17))\">\(Markup.escaped(tick.text))</text>"
    }
    return svg + "<text class=\"mid title\" x=\"50%\" y=\"\(Markup.number(height + 36))\">"
      + "\(Markup.escaped(title))</text>"
  }

  /// The middle of a place among `count` places of the same width.
  static func middle(_ index: Int, of count: Int) -> Double {
    (Double(index) + 0.5) / Double(max(1, count))
  }

  /// What is written below blocks: their positions, as many as there is room for.
  static func positions(of blocks: [BlockReport]) -> [(share: Double, text: String)] {
    let step = blocks.count <= 16 ? 1 : Int(PlotAxis.roundStep(Double(blocks.count) / 12))
    return blocks.indices.filter { $0.isMultiple(of: max(1, step)) }.map {
      (middle($0, of: blocks.count), "\(blocks[$0].index)")
    }
  }
}
