import Diagnostics
import Testing

/// Tables in terminals that are too narrow for them.
@Suite struct TableTests {
  private let losses = Table(
    header: ["block", "loss before", "best", "all samples: rounded", "gain"],
    rows: [
      ["model.layers.0", "3.106e-02", "6.980e-03", "3.083e-02", "76.5 %"],
      ["model.layers.10", "1.270e-01", "8.391e-02", "1.242e-01", "30.7 %"],
    ])

  @Test func withRoomNothingIsCut() {
    #expect(losses.lines(width: 120) == losses.lines)
    #expect(
      losses.lines[0] == "block            loss before       best  all samples: rounded    gain")
  }

  @Test(arguments: [60, 50]) func whereItIsNarrowWordsAreCutAndNumbersAreNot(_ width: Int) {
    let lines = losses.lines(width: width)
    #expect(lines.count == 3)
    for line in lines { #expect(line.count <= width, "\(line)") }
    for number in ["3.106e-02", "6.980e-03", "3.083e-02", "76.5 %"] {
      #expect(lines[1].contains(number), "\(lines[1])")
    }
    #expect(lines[0].contains("…"))
    // What tells names from each other is at their ends.
    #expect(lines[2].hasPrefix(width == 60 ? "model.layers.10" : "…"), "\(lines[2])")
    #expect(lines[2].contains("s.10 "))
  }

  @Test func whatCannotBeCutGoesBeyond() {
    #expect(losses.lines(width: 20)[1].contains("3.083e-02"))
  }
}
