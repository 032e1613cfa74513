import Diagnostics
import Evaluation

/// How far the predictions are from the source's, by the place of the token.
enum PositionChart {
  static func html(_ report: EvaluationReport?) -> String {
    guard let comparison = report?.comparison else { return "" }
    let (own, other) = (
      comparison.klDivergenceByPosition, comparison.rounded?.klDivergenceByPosition
    )
    guard own.means.count > 1 else { return "" }
    let horizontal = PlotAxis.positions(own.positionCount)
    let plot = Plot(
      vertical: .fromZero(to: own.means + (other?.means ?? [])),
      below: horizontal.ticks.map { (horizontal.place($0.value), $0.text) },
      belowTitle: "tokens before the one that is predicted", sideTitle: "nats")
    func line(_ kind: String, _ positions: PositionMeans) -> String {
      let points = positions.means.enumerated().map { index, mean in
        let first = index * positions.span
        let last = min(first + positions.span, positions.positionCount)
        return (share: horizontal.place(Double(first + 1 + last) / 2), y: plot.y(mean))
      }
      return Markup.line(kind, height: plot.height, points)
    }
    let marks = (other.map { line("rounded", $0) } ?? "") + line("tuned", own)
    let key = """
      <span class="key rounded"></span>rounded to nearest <span class="key tuned"></span>as written.
      """
    let span =
      own.span > 1 ? ", on average over \(own.span) neighbouring places and all windows" : ""
    let caption =
      (other == nil ? "" : key + " ")
      + "Kullback-Leibler divergence from the source's predictions, in nats\(span)."
    let drawing = plot.drawing(
      label: "Divergence from the source by the place of the token", marks)
    return """
      <h2>Predictions on held-out text</h2>
      \(Markup.figure(caption: caption, drawing))

      """
  }
}
