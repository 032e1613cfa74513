import Diagnostics

/// How many calibration tokens reach the experts of each block.
enum ExpertChart {
  static func html(_ all: [BlockReport]) -> String {
    let known = all.filter { $0.experts != nil }
    let blocks = Markup.chosen(known, limit: LossChart.blockLimit)
    let experts = blocks.compactMap(\.experts)
    guard let most = experts.map(\.mostTokenCount).max() else { return "" }
    let plot = Plot(
      vertical: .counts(to: most), below: Plot.positions(of: blocks), belowTitle: "block",
      sideTitle: "tokens")
    func y(_ count: Int) -> String { Markup.number(plot.y(Double(count))) }
    let width = min(0.6 / Double(blocks.count), 0.03)
    var marks = ""
    for (index, (block, coverage)) in zip(blocks, experts).enumerated() {
      let middle = Plot.middle(index, of: blocks.count)
      let (x, left) = (Markup.percent(middle), Markup.percent(middle - width / 2))
      let box = plot.y(Double(coverage.upperDecileTokenCount))
      let boxHeight = max(1, plot.y(Double(coverage.lowerDecileTokenCount)) - box)
      let (median, least) = (y(coverage.medianTokenCount), y(coverage.leastTokenCount))
      marks += """
        <g><title>\(title(block, coverage))</title>\
        <line class="gain" x1="\(x)" x2="\(x)" y1="\(y(coverage.mostTokenCount))" y2="\(least)"/>\
        <rect class="box" x="\(left)" width="\(Markup.percent(width))" y="\(Markup.number(box))" \
        height="\(Markup.number(boxHeight))"/>\
        <line class="middle" x1="\(left)" x2="\(Markup.percent(middle + width / 2))" y1="\(median)" \
        y2="\(median)"/>
        """
      if !coverage.rounded.isEmpty {
        marks += "<circle class=\"scarce\" cx=\"\(x)\" cy=\"\(least)\" r=\"4\"/>"
      }
      marks += "</g>"
    }
    let caption = """
      Calibration tokens that choose an expert, by the logarithm of their number: from the fewest to the most; the box \
      has eight of ten experts, the line in it is the median. <span class="key scarce"></span>block with experts that too \
      few tokens reach, which were rounded and not tuned\(LossChart.remark(blocks.count, of: known.count)).
      """
    let drawing = plot.drawing(label: "Calibration tokens of the experts of each block", marks)
    return """
      <h2>Tokens of the experts</h2>
      \(Markup.figure(caption: caption, side: 70, drawing))

      """
  }

  private static func title(_ block: BlockReport, _ coverage: ExpertCoverage) -> String {
    let counts = [
      coverage.leastTokenCount, coverage.medianTokenCount, coverage.mostTokenCount,
    ].map(Quantities.count)
    return """
      \(Markup.escaped(block.name)): \(counted(coverage.expertCount, "expert")), tokens: least \(counts[0]), \
      median \(counts[1]), most \(counts[2]); \(Quantities.count(coverage.rounded.count)) not tuned
      """
  }
}
