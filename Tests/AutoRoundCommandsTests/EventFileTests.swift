import Foundation
import JSONText
import TestSupport
import Testing

/// `--events` and `--log` with what is no plain file. No run waits for them.
@Suite(.serialized) struct EventFileTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  private func shell(_ script: String, in folder: URL) throws -> CommandRun {
    try CommandRun(
      URL(filePath: "/bin/bash"), ["-c", script],
      environment: [
        "Q": "\(CommandRun.product("autoround").path) quantize \(model) --output q --model-free"
      ], in: folder, within: 60)
  }

  @Test(arguments: ["--events", "--log"]) func aPipeThatNobodyReadsIsRefused(_ option: String)
    throws
  {
    try withTemporaryFolder { folder in
      let run = try shell("mkfifo p; $Q \(option) p", in: folder)
      #expect(run.status == 1)
      #expect(
        run.standardError.hasSuffix("/p: cannot be written: it is a pipe that nobody reads\n"),
        "\(run.standardError)")
      #expect(try names(in: folder) == ["p"])
    }
  }

  @Test func aPipeThatSomebodyReadsGetsEverything() throws {
    try withTemporaryFolder { folder in
      let run = try shell("mkfifo p; cat p > seen & sleep 0.2; $Q --events p; wait", in: folder)
      #expect(run.status == 0, "\(run.standardError)")
      let seen = try String(contentsOf: folder.appending(path: "seen"), encoding: .utf8)
        .split(separator: "\n").map { try JSONValue.parse(String($0)) }
      #expect(seen.last?["event"] == "finished")
      #expect(seen.count { $0["event"] == "block_started" } == 42)
    }
  }

  /// Its reader never reads, and the pipe is full before the run begins.
  @Test func aPipeThatIsFullDoesNotHoldARunUp() throws {
    try withTemporaryFolder { folder in
      let run = try shell(
        "mkfifo p; exec 7<>p; head -c 65536 /dev/zero >&7; $Q --events p", in: folder)
      #expect(run.status == 0, "\(run.standardError)")
      #expect(
        run.standardError.contains("/p: lines are lost: Resource temporarily unavailable"),
        "\(run.standardError)")
      #expect(try names(in: folder) == ["p", "q"])
    }
  }

  @Test func aDiskThatIsFullIsTold() throws {
    try withTemporaryFolder { folder in
      let run = try shell("$Q --log /dev/full --events /dev/null", in: folder)
      #expect(run.status == 0)
      #expect(
        run.standardError.contains("warning: /dev/full: lines are lost: No space left on device"),
        "\(run.standardError)")
    }
  }

  @Test(arguments: [(".", "Is a directory"), ("missing/e", "No such file or directory")])
  func whatCannotBeOpenedIsRefused(_ path: String, _ reason: String) throws {
    try withTemporaryFolder { folder in
      let run = try shell("$Q --events \(path)", in: folder)
      #expect(run.status == 1)
      #expect(run.standardError.contains("cannot be written: \(reason)"), "\(run.standardError)")
      #expect(try names(in: folder).isEmpty)
    }
  }
}
