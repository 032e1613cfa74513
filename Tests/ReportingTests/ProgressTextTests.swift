import Diagnostics
import Foundation
import JSONText
import Reporting
import Testing

@Suite struct ProgressTextTests {
  private func live(width: Int = 80) -> ProgressText {
    ProgressText(isLive: true, styling: .plain, width: width)
  }

  private func block(_ index: Int, seconds: Double) -> BlockReport {
    BlockReport(
      index: index, name: "model.layers.\(index)", layers: [], initialLoss: 3.412e-4,
      bestLoss: 1.201e-4, bestIteration: 183, finalLoss: 2e-4, rtnLoss: 3.42e-4, seconds: seconds)
  }

  @Test func refreshesOneLineOnATerminal() {
    var text = live()
    #expect(
      text.text(for: .blockStarted(index: 0, count: 4, name: "model.layers.0"), at: 0)
        == [.status("block 1/4  model.layers.0")])
    // One of 200 steps says too little about the time left.
    #expect(
      text.text(for: .iteration(block: 0, iteration: 1, of: 200, loss: 0.00034), at: 0.1)
        == [.status("block 1/4  iteration 1/200  loss 3.400e-04")])
    // 50 of 200 steps in 10 s: 30 s for the rest of the block, 40 s for each of three more.
    #expect(
      text.text(for: .iteration(block: 0, iteration: 50, of: 200, loss: 0.00034), at: 10)
        == [.status("block 1/4  iteration 50/200  loss 3.400e-04  2 min 30 s left")])
  }

  @Test func estimatesFromFinishedBlocks() {
    var text = live()
    _ = text.text(for: .blockStarted(index: 0, count: 4, name: "a"), at: 0)
    #expect(
      text.text(for: .blockFinished(block(0, seconds: 20)), at: 20)
        == [.status("block 1/4  loss 3.420e-04 -> 2.000e-04  20 s  1 min 00 s left")])
    _ = text.text(for: .blockStarted(index: 1, count: 4, name: "b"), at: 20)
    // Half of a block of 20 s, and two blocks after it.
    #expect(
      text.text(for: .iteration(block: 1, iteration: 100, of: 200, loss: 1), at: 21)
        == [.status("block 2/4  iteration 100/200  loss 1.000e+00  50 s left")])
  }

  @Test func namesThePortionOfABlock() {
    var text = live(width: 120)
    _ = text.text(for: .blockStarted(index: 0, count: 2, name: "a"), at: 0)
    let portion = RunEvent.portionStarted(index: 1, count: 4, name: "experts 0 to 42")
    #expect(text.text(for: portion, at: 20).isEmpty)
    #expect(
      portion.json.text()
        == #"{"event":"portion_started","portion":1,"of":4,"name":"experts 0 to 42"}"#)
    // 150 of 400 steps in 30 s: 50 s for the rest of the block, 80 s for the next.
    #expect(
      text.text(for: .iteration(block: 0, iteration: 50, of: 100, loss: 1), at: 30) == [
        .status(
          "block 1/2  experts 0 to 42 (2/4)  iteration 50/100  loss 1.000e+00  2 min 10 s left")
      ])
    _ = text.text(for: .blockStarted(index: 1, count: 2, name: "b"), at: 80)
    #expect(
      text.text(for: .iteration(block: 1, iteration: 50, of: 100, loss: 1), at: 90)
        == [.status("block 2/2  iteration 50/100  loss 1.000e+00  10 s left")])
  }

  @Test func tellsOfALongReadingOfTheSource() {
    var (onTerminal, elsewhere) = (live(), ProgressText(isLive: false, styling: .plain))
    for (share, lines) in [(0.2, ["reading the source"]), (0.995, [])] {
      #expect(
        onTerminal.text(for: .readingSource(share: share), at: 0)
          == [.status("reading the source  \(Int(share * 100)) %")])
      #expect(
        elsewhere.text(for: .readingSource(share: share), at: 0)
          == lines.map(ProgressText.Output.line))
    }
    #expect(
      RunEvent.readingSource(share: 0.5).json.text()
        == #"{"event":"reading_source","share":0.5}"#)
  }

  private func run(tuning blocks: [Int]?) -> RunEvent {
    var description = RunDescription()
    (description.blockCount, description.iterations) = (30, 200)
    description.tunedBlocks = blocks
    return .started(description)
  }

  /// A recipe may leave most blocks alone: they take no time to speak of.
  @Test func countsBlocksThatAreTuned() {
    var text = live()
    _ = text.text(for: run(tuning: [3, 5]), at: 0)
    for index in 0...3 {
      _ = text.text(for: .blockStarted(index: index, count: 30, name: "a"), at: 0)
    }
    #expect(
      text.text(for: .iteration(block: 3, iteration: 50, of: 200, loss: 1), at: 10)
        == [.status("block 4/30  iteration 50/200  loss 1.000e+00  1 min 10 s left")])
    #expect(
      text.text(for: .blockFinished(block(3, seconds: 40)), at: 40)
        == [.status("block 4/30  loss 3.420e-04 -> 2.000e-04  40 s  40 s left")])
    for index in 4...5 {
      _ = text.text(for: .blockStarted(index: index, count: 30, name: "a"), at: 40)
    }
    #expect(
      text.text(for: .blockFinished(block(5, seconds: 40)), at: 80)
        == [.status("block 6/30  loss 3.420e-04 -> 2.000e-04  40 s")])
  }

  @Test func tellsWhatComesAfterTheBlocks() {
    var (onTerminal, elsewhere) = (live(), ProgressText(isLive: false, styling: .plain))
    #expect(onTerminal.text(for: .verifying, at: 0) == [.status("verifying what was written")])
    #expect(elsewhere.text(for: .verifying, at: 0) == [.line("verifying what was written")])
    for (share, percent) in [(0.0, 0), (0.255, 25), (1, 100)] {
      #expect(
        onTerminal.text(for: .measuring(share: share), at: 0)
          == [.status("comparing with the source  \(percent) %")])
      #expect(
        elsewhere.text(for: .measuring(share: share), at: 0)
          == (share == 0 ? [.line("comparing with the source")] : []))
    }
  }

  @Test func writesALinePerBlockElsewhere() {
    var text = ProgressText(isLive: false, styling: .plain)
    #expect(text.text(for: .blockStarted(index: 0, count: 2, name: "a"), at: 0).isEmpty)
    for second in 1..<30 {
      let event = RunEvent.iteration(block: 0, iteration: second, of: 60, loss: 1)
      #expect(text.text(for: event, at: Double(second)).isEmpty)
    }
    #expect(
      text.text(for: .iteration(block: 0, iteration: 30, of: 60, loss: 0.5), at: 30)
        == [.line("block 1/2  iteration 30/60  loss 5.000e-01  1 min 30 s left")])
    #expect(text.text(for: .iteration(block: 0, iteration: 31, of: 60, loss: 1), at: 31).isEmpty)
    #expect(
      text.text(for: .blockFinished(block(0, seconds: 60)), at: 60)
        == [.line("block 1/2  loss 3.420e-04 -> 2.000e-04  1 min 00 s  1 min 00 s left")])
    _ = text.text(for: .blockStarted(index: 1, count: 2, name: "b"), at: 60)
    #expect(
      text.text(for: .blockFinished(block(1, seconds: 60)), at: 120)
        == [.line("block 2/2  loss 3.420e-04 -> 2.000e-04  1 min 00 s")])
  }

  @Test func cutsTheRefreshedLineAtTheTerminal() {
    var text = live(width: 24)
    let long = String(repeating: "x", count: 80)
    #expect(
      text.text(for: .blockStarted(index: 0, count: 4, name: long), at: 0)
        == [.status("block 1/4  xxxxxxxxxxx…")])
  }

  @Test func toleratesNonsense() {
    var text = live()
    #expect(
      text.text(for: .iteration(block: 9, iteration: 5, of: 0, loss: .nan), at: -1)
        == [.status("block 1/0  iteration 5/0  loss nan")])
  }

  @Test func warningsStay() {
    var plain = live()
    #expect(plain.text(for: .warning("few samples"), at: 0) == [.line("warning: few samples")])
    var colored = ProgressText(isLive: true, styling: .colored)
    #expect(
      colored.text(for: .warning("few samples"), at: 0)
        == [.line("\u{1B}[33mwarning:\u{1B}[0m few samples")])
  }

  @Test(
    arguments: [
      (true, [:], Styling.colored), (true, ["NO_COLOR": ""], .colored),
      (true, ["NO_COLOR": "1"], .plain), (true, ["TERM": "dumb"], .plain), (false, [:], .plain),
    ] as [(Bool, [String: String], Styling)])
  func coloursOnlyWhereWanted(isTerminal: Bool, environment: [String: String], styling: Styling) {
    #expect(Styling(isTerminal: isTerminal, environment: environment) == styling)
  }

  @Test func printsPlainTextToAFile() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "progress-\(UUID())")
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(FileManager.default.createFile(atPath: file.path(), contents: nil))
    let handle = try FileHandle(forWritingTo: file)
    let printer = ProgressPrinter(file: handle, environment: [:])
    printer.observe(.blockStarted(index: 0, count: 1, name: "a"))
    printer.observe(.warning("mind the step"))
    printer.observe(.blockFinished(block(0, seconds: 1)))
    try handle.close()
    #expect(
      try String(contentsOf: file, encoding: .utf8)
        == "warning: mind the step\nblock 1/1  loss 3.420e-04 -> 2.000e-04  1.0 s\n")
  }
}
