import Diagnostics

/// The losses of blocks, before and after tuning, and of their steps.
enum LossChart {
  /// The most blocks that a chart shows.
  static let blockLimit = 160
  /// The most blocks whose steps are shown, each in a chart of its own.
  private static let curveLimit = 120

  /// A mark for rounding to nearest and one for tuning for each block, on all samples.
  static func blocks(_ all: [BlockReport]) -> String {
    let blocks = Markup.chosen(all, limit: blockLimit)
    guard !blocks.isEmpty else { return "" }
    let plot = Plot(
      vertical: .errors(blocks.flatMap { [$0.rtnLoss, $0.finalLoss] }),
      below: Plot.positions(of: blocks), belowTitle: "block", sideTitle: "mean squared error")
    let radius = blocks.count > 60 ? "2.5" : "4.5"
    var marks = ""
    for (index, block) in blocks.enumerated() {
      let x = Markup.percent(Plot.middle(index, of: blocks.count))
      let (rounded, tuned) = (
        Markup.number(plot.y(block.rtnLoss)), Markup.number(plot.y(block.finalLoss))
      )
      marks += """
        <g><title>\(title(block))</title>\
        <line class="gain" x1="\(x)" x2="\(x)" y1="\(rounded)" y2="\(tuned)"/>\
        <circle class="rounded" cx="\(x)" cy="\(rounded)" r="\(radius)"/>\
        <circle class="tuned" cx="\(x)" cy="\(tuned)" r="\(radius)"/></g>
        """
    }
    let scale = plot.vertical.isLogarithmic ? ", by its logarithm" : ""
    let caption = """
      <span class="key rounded"></span>rounded to nearest <span class="key tuned"></span>tuned. Mean squared error of the \
      block's output on all calibration samples\(scale)\(remark(blocks.count, of: all.count)).
      """
    return Markup.figure(
      caption: caption, plot.drawing(label: "Loss of each block, rounded and tuned", marks))
  }

  private static func title(_ block: BlockReport) -> String {
    let (rounded, tuned) = (Quantities.loss(block.rtnLoss), Quantities.loss(block.finalLoss))
    return "\(Markup.escaped(block.name)): rounded \(rounded), tuned \(tuned), gain "
      + Quantities.percent(block.gain)
  }

  /// The losses of the batches of each block, step by step, in a chart for each.
  static func curves(_ all: [BlockReport]) -> String {
    let blocks = all.filter { $0.losses.count > 1 }
    let shown = Markup.chosen(blocks, limit: curveLimit)
    let curves = shown.map(curve)
    guard !curves.isEmpty else { return "" }
    // So many that one scrolls for long are folded away.
    return """
      <h2>Losses of the steps</h2>
      <details\(curves.count > 24 ? "" : " open")><summary>Mean squared error of each step's batch before the step, from 0 at \
      the bottom; the dot is the step whose parameters were kept\(remark(shown.count, of: blocks.count)).</summary>
      <div class="curves">
      \(curves.joined(separator: "\n"))
      </div></details>

      """
  }

  private static func curve(_ block: BlockReport) -> String {
    let height = 76.0
    let losses = block.losses
    let largest = losses.filter(\.isFinite).max() ?? 0
    func y(_ loss: Double) -> Double { largest > 0 ? height * (1 - loss / largest) : height }
    func share(_ step: Int) -> Double { Double(step) / Double(losses.count - 1) }
    // A line has no use for more points than a screen has pixels there.
    let span = (losses.count - 1) / 160 + 1
    let points = stride(from: 0, to: losses.count, by: span).map { first in
      let part = losses[first..<min(first + span, losses.count)]
      return (
        share: share(first + part.count / 2), y: y(part.reduce(0, +) / Double(part.count))
      )
    }
    var marks = ""
    var first = 0
    for portion in block.portions.dropLast() {
      first += portion.stepCount
      let x = Markup.percent(share(first))
      marks +=
        "<line class=\"grid\" x1=\"\(x)\" x2=\"\(x)\" y1=\"0\" y2=\"\(Markup.number(height))\"/>"
    }
    marks += Markup.line("tuned", height: height, points)
    if losses.indices.contains(block.bestIteration) {
      marks +=
        "<circle class=\"tuned\" cx=\"\(Markup.percent(share(block.bestIteration)))\" "
        + "cy=\"\(Markup.number(y(losses[block.bestIteration])))\" r=\"3\"/>"
    }
    let (bottom, below) = (Markup.number(height), Markup.number(height + 13))
    let frame = """
      <line class="grid" x1="0" x2="100%" y1="0" y2="0"/>\
      <line class="base" x1="0" x2="100%" y1="\(bottom)" y2="\(bottom)"/>\
      <text class="end" x="100%" y="11">\(Quantities.significant(largest))</text><text x="2" y="\(below)">1</text>\
      <text class="end" x="100%" y="\(below)">\(counted(losses.count, "step"))</text>
      """
    let drawing = Markup.drawing(
      height: height, label: "Losses of \(block.name), step by step", frame + marks)
    return """
      <div class="curve"><b>\(Markup.escaped(block.name))</b> \(Quantities.significant(losses[0])) → \
      \(Quantities.significant(block.bestLoss))\(drawing)</div>
      """
  }

  /// What is said where not all are shown.
  static func remark(_ shown: Int, of count: Int) -> String {
    shown < count ? "; \(shown) of \(Quantities.count(count)) blocks, evenly chosen" : ""
  }
}
