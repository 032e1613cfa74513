import Foundation
import TestSupport
import Testing

/// Results that cannot be written are an error; a reader that has seen enough is none.
@Suite(.serialized) struct LostOutputTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  private func shell(_ script: String, in folder: URL) throws -> CommandRun {
    try CommandRun(
      URL(filePath: "/bin/bash"), ["-c", script],
      environment: ["A": CommandRun.product("autoround").path, "M": model], in: folder)
  }

  @Test func noCommandLosesItsOutputInSilence() throws {
    try withTemporaryFolder { folder in
      try Data(String(repeating: "It was a dark and stormy night. ", count: 40).utf8)
        .write(to: folder.appending(path: "t.txt"))
      let made = try shell(#""$A" quantize "$M" --output q --model-free"#, in: folder)
      #expect(made.status == 0, "\(made.standardError)")
      for command in [
        "--help", "--version", "help plan", "--generate-completion-script bash", "inspect $M",
        "inspect $M --json", "verify q", "verify q --json", "diff $M q",
        "evaluate q --text t.txt --sequence-length 16",
        "generate q --prompt Once --max-tokens 2", "plan $M --model-free",
        "convert q --format dense --output d", "quantize $M --output r --model-free --json",
      ] {
        let run = try shell("\"$A\" \(command) > /dev/full", in: folder)
        #expect(run.status == 1, "\(command): \(run.standardError)")
        #expect(
          run.standardError.contains(
            "error: standard output: cannot be written: No space left on device"),
          "\(command): \(run.standardError)")
      }
    }
  }

  @Test func aClosedOutputIsNoPlaceForResults() throws {
    try withTemporaryFolder { folder in
      let run = try shell(#""$A" inspect "$M" >&-"#, in: folder)
      #expect(run.status == 1)
      #expect(run.standardError.contains("standard output: cannot be written"))
      // Nothing that is opened takes its place: a file of events would get the results.
      let quantized = try shell(
        #""$A" quantize "$M" --output q --model-free --events e --json 2>/dev/null >&-"#, in: folder
      )
      #expect(quantized.status == 1)
      let events = try String(contentsOf: folder.appending(path: "e"), encoding: .utf8)
      #expect(
        events.split(separator: "\n").everySatisfies { $0.hasPrefix(#"{"time":"#) }, "\(events)")
    }
  }

  @Test(arguments: ["inspect $M", "verify $M", "diff $M $M", "--help"])
  func aReaderThatHasSeenEnoughIsFine(_ command: String) throws {
    try withTemporaryFolder { folder in
      let run = try shell("\"$A\" \(command) 2>errors | head -1", in: folder)
      #expect(run.status == 0)
      #expect(run.standardOutput.split(separator: "\n").count == 1)
    }
  }

  /// The first line is what most will look at.
  @Test func theVerdictComesFirst() throws {
    try withTemporaryFolder { folder in
      let made = try shell(#""$A" quantize "$M" --output q --model-free"#, in: folder)
      #expect(made.status == 0, "\(made.standardError)")
      #expect(try shell(#""$A" verify q | head -1"#, in: folder).standardOutput == "sound\n")
      try FileManager.default.removeItem(at: folder.appending(path: "q/README.md"))
      try Data("{}".utf8).write(to: folder.appending(path: "q/tokenizer_config.json"))
      let run = try shell(#""$A" verify q"#, in: folder)
      #expect(run.standardOutput.hasPrefix("not sound: 1 finding\ndamage  tokenizer_config.json"))
      #expect(run.standardError.contains("error: q: is not sound: 1 finding\n"))
    }
  }
}
