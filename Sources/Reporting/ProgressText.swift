package import Diagnostics

/// Turns the events of a run into text: what stays on the screen, and the one line that is
/// refreshed. Pure: where the text goes and when is its caller's business.
package struct ProgressText {
  /// What to do with a piece of text.
  package enum Output: Equatable {
    /// A line that stays.
    case line(String)
    /// The refreshed line, which replaces the one before.
    case status(String)
  }

  private let isLive: Bool
  private let styling: Styling
  private let width: Int
  private var timeLeft = TimeLeft()
  private var blockIndex = 0
  private var blockCount = 0
  /// The portion of the block that is tuned, and how many there are; nil while blocks are tuned as a whole.
  private var portion: (index: Int, count: Int, name: String)?
  private var lastLineTime: Double?
  /// The work whose share has been told of last.
  private var toldWork: String?

  /// - Parameters:
  ///   - isLive: Whether the text goes to a terminal, where a line can be refreshed. Elsewhere there
  ///     is a line per block instead, and within a block one every ``plainInterval`` seconds.
  ///   - styling: Whether colours may be used.
  ///   - width: Columns of the terminal; the refreshed line is cut there.
  package init(isLive: Bool, styling: Styling, width: Int = 80) {
    self.isLive = isLive
    self.styling = styling
    self.width = max(20, width)
  }

  /// Seconds between two lines about the same block where lines cannot be refreshed.
  package static let plainInterval = 30.0

  /// The text for an event at `time`, in seconds of any clock that does not go backwards.
  package mutating func text(for event: RunEvent, at time: Double) -> [Output] {
    switch event {
    case .started(let description):
      lastLineTime = time
      timeLeft.runStarted(tuning: description.tunedBlocks)
      return description.lines(styling).map(Output.line)
    case .readingSource(let share): return progress(of: "reading the source", share)
    case .resumed(let reports):
      for report in reports { timeLeft.blockFinished(seconds: report.seconds) }
      return [.line("going on after block \(reports.count), where an earlier run was cut off")]
    case .blockStarted(let index, let count, let name):
      (blockIndex, blockCount, portion) = (index, count, nil)
      lastLineTime = lastLineTime ?? time
      timeLeft.blockStarted(index: index, count: count, at: time)
      return isLive ? [refreshed("block \(index + 1)/\(count)  \(name)")] : []
    case .portionStarted(let index, let count, let name):
      portion = (index, count, name)
      return []
    case .iteration(_, let iteration, let count, let loss):
      return progress(iteration: iteration, of: count, loss: loss, at: time)
    case .blockFinished(let report):
      timeLeft.blockFinished(seconds: report.seconds)
      lastLineTime = time
      return [refreshed(finishedLine(report))]
    case .verifying: return [refreshed("verifying what was written")]
    case .measuring(let share): return progress(of: "comparing with the source", share)
    case .warning(let message):
      return [.line("\(styling.warning("warning:")) \(message)")]
    case .finished(let report):
      return report.lines(styling, width: isLive ? width : nil).map(Output.line)
    case .tried(let report):
      return report.lines(styling, width: isLive ? width : nil).map(Output.line)
    case .kept(let finished, let count, let folder):
      return [
        .line(
          "\(finished) of \(count) blocks are kept in \(folder); a run with the same arguments goes "
            + "on after them")
      ]
    }
  }

  private mutating func progress(
    iteration: Int, of count: Int, loss: Double, at time: Double
  ) -> [Output] {
    if !isLive {
      guard let last = lastLineTime, time - last >= Self.plainInterval else { return [] }
      lastLineTime = time
    }
    var parts = ["block \(blockIndex + 1)/\(blockCount)"]
    if let portion { parts.append("\(portion.name) (\(portion.index + 1)/\(portion.count))") }
    parts += ["iteration \(iteration)/\(count)", "loss \(Quantities.loss(loss))"]
    // Steps of all portions take about the same time.
    let (done, all) = (count * (portion?.index ?? 0), count * (portion?.count ?? 1))
    if let left = timeLeft.atIteration(done + iteration, of: all, at: time) {
      parts.append("\(Quantities.duration(seconds: left)) left")
    }
    return [refreshed(parts.joined(separator: "  "))]
  }

  /// The share of some work that is done, from 0 to 1; elsewhere only that it begins.
  private mutating func progress(of work: String, _ share: Double) -> [Output] {
    if isLive { return [refreshed("\(work)  \(Int(share * 100)) %")] }
    defer { toldWork = work }
    return toldWork == work ? [] : [.line(work)]
  }

  private func finishedLine(_ report: BlockReport) -> String {
    var parts = [
      "block \(report.index + 1)/\(blockCount)",
      "loss \(Quantities.loss(report.rtnLoss)) -> \(Quantities.loss(report.finalLoss))",
      Quantities.duration(seconds: report.seconds),
    ]
    if let left = timeLeft.afterBlock(), left > 0 {
      parts.append("\(Quantities.duration(seconds: left)) left")
    }
    return parts.joined(separator: "  ")
  }

  /// The refreshed line, cut to the terminal; a line that stays where there is none.
  func refreshed(_ text: String) -> Output {
    guard isLive else { return .line(text) }
    return .status(text.count < width ? text : text.prefix(width - 2) + "…")
  }
}
