import Foundation
import JSONText
import TestSupport
import Testing

/// `autoround quantize --layers`.
@Suite(.serialized) struct TrialTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  private func run(_ arguments: [String], in folder: URL) throws -> CommandRun {
    try CommandRun(
      CommandRun.product("autoround"),
      ["quantize", model, "--samples", "8", "--sequence-length", "64", "--iterations", "4"]
        + arguments, in: folder)
  }

  private func blocks(_ run: CommandRun) throws -> [JSONValue] {
    #expect(run.status == 0, "\(run.errors)")
    return try #require(JSONValue.parse(run.lastLine)["blocks"]?.arrayValue).map {
      $0.removing("seconds")
    }
  }

  /// The losses are those of a whole run, and nothing is written.
  @Test func tellsTheLossesOfAWholeRun() throws {
    try withTemporaryFolder { folder in
      let trial = try run(
        ["--bits", "3", "--layers", "2", "--json", "--events", "events.jsonl"], in: folder)
      let tried = try blocks(trial)
      #expect(tried.count == 2)
      let report = try JSONValue.parse(trial.lastLine)
      #expect(report["of"] == 6)
      let each = try #require(report["seconds_per_block"]?.doubleValue)
      #expect(each > 0)
      #expect(report["estimated_seconds"] == JSONValue(6 * each))
      #expect(
        trial.errors.contains("tried      2 of 6 blocks, 3-bit int symmetric"), "\(trial.errors)")
      #expect(trial.errors.contains("nothing is written"))
      #expect(try names(in: folder) == ["events.jsonl"])
      let events = try String(
        contentsOf: folder.appending(path: "events.jsonl"), encoding: .utf8
      ).split(separator: "\n").map { try JSONValue.parse(String($0))["event"]?.stringValue }
      #expect(events.last == "tried")
      #expect(events.count { $0 == "block_finished" } == 2)

      let whole = try blocks(
        run(["--scheme", "W3A16", "--output", "out", "--held-out", "8192", "--json"], in: folder))
      #expect(whole.count == 6)
      #expect(Array(whole.prefix(2)) == tried)
    }
  }

  /// Several batches to a step are one of as many samples: the same order of samples, and losses alike.
  @Test func severalBatchesAreALargerOne() throws {
    try withTemporaryFolder { folder in
      func losses(_ arguments: String...) throws -> [Double] {
        let tried = try blocks(
          run(["--layers", "1", "--compute", "f32", "--json"] + arguments, in: folder))
        let losses = try #require(tried[0]["losses"]?.arrayValue)
        return try losses.map { try #require($0.doubleValue) }
      }
      let one = try losses("--batch-size", "4")
      let several = try losses("--batch-size", "1", "--gradient-accumulate-steps", "4")
      #expect(one.count == 4 && several.count == 4)
      #expect(abs(several[0] / one[0] - 1) < 1e-4, "\(several) \(one)")
      #expect(zip(several, one).map { abs($0 / $1 - 1) }.everySatisfies { $0 < 0.02 })
      let ranges = try losses("--batch-size", "4", "--minmax-lr", "0.001")
      #expect(ranges[0] == one[0])
      #expect(ranges[1] != one[1])
      #expect(try names(in: folder) == [])
    }
  }

  @Test(arguments: [
    (["--layers", "7"], "--layers: found 7, expected 1 to 6, the blocks of the model"),
    (
      ["--layers", "1", "--ignore", "re:model.layers.0."],
      "--layers: found 1, but no layer of so few blocks is quantized"
    ),
    (
      ["--layers", "1", "--iterations", "0", "--model-free"],
      "--layers: a model that is not run has no losses to try"
    ),
  ])
  func refuses(_ arguments: [String], _ message: String) throws {
    try withTemporaryFolder { folder in
      let run = try run(arguments, in: folder)
      #expect(run.status == 1)
      #expect(run.errors.contains("error: \(message)"), "\(run.errors)")
      #expect(try names(in: folder) == [])
    }
  }
}
