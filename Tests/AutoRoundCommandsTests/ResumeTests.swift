import CPU
import Compute
import Foundation
import JSONText
import Recordings
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A run that is cut off goes on where it was and ends with the bytes of one that was not.
@Suite(.serialized) struct ResumeTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path
  private let small = [
    "--samples", "2", "--sequence-length", "16", "--batch-size", "2", "--iterations", "6",
    "--threads", "1",
  ]

  private func start(_ output: URL, _ more: [String] = []) throws -> Process {
    let process = Process()
    process.executableURL = CommandRun.product("autoround")
    process.arguments = ["quantize", model, "--output", output.path] + small + more
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }

  private func run(_ output: URL, _ more: [String] = []) throws -> CommandRun {
    try CommandRun(
      CommandRun.product("autoround"), ["quantize", model, "--output", output.path] + small + more)
  }

  /// What a run writes about itself, with times.
  private let reports: Set = ["quantization_report.json", "report.html", "README.md"]

  /// All files of a folder with their bytes, but for those about the run.
  private func contents(_ folder: URL) throws -> [String: Data] {
    let found = try names(in: folder)
    #expect(reports.isSubset(of: found))
    return Dictionary(
      uniqueKeysWithValues: try found.filter { !reports.contains($0) }.map {
        ($0, try Data(contentsOf: folder.appending(path: $0)))
      })
  }

  private func report(_ folder: URL) throws -> JSONValue {
    try JSONValue.parse(contentsOf: folder.appending(path: "quantization_report.json"))
  }

  /// The losses of all steps in a run's report.
  private func losses(_ folder: URL) throws -> [[Double]] {
    let report = try report(folder)
    let blocks = try #require(report["result"]?["blocks"]?.arrayValue)
    return blocks.map { ($0["losses"]?.arrayValue ?? []).compactMap(\.doubleValue) }
  }

  /// Waits until a run has finished `count` blocks.
  private func waitForBlocks(_ count: Int, _ process: Process, _ output: URL) throws {
    let journal = output.appendingPathExtension("partial").appending(path: "journal")
    while process.isRunning {
      let lines = (try? Data(contentsOf: journal))?.count { $0 == UInt8(ascii: "\n") } ?? 0
      if lines > count { return }
      usleep(2000)
    }
  }

  @Test func aKilledRunEndsWithTheSameBytes() throws {
    try withTemporaryFolder { folder in
      let whole = folder.appending(path: "whole")
      let begin = ContinuousClock.now
      #expect(try run(whole).status == 0)
      let elapsed = ContinuousClock.now - begin
      let expected = try contents(whole)
      var generator = SeededGenerator(seed: 11)
      var resumed = 0
      for round in 0..<8 {
        let output = folder.appending(path: "out\(round)")
        // Killed at up to three moments, in the first run and in those that go on.
        for _ in 0..<3 where !FileManager.default.fileExists(atPath: output.path) {
          let process = try start(output)
          let moment = elapsed * Double.random(in: 0...1, using: &generator)
          usleep(UInt32(moment / .microseconds(1)))
          kill(process.processIdentifier, SIGKILL)
          process.waitUntilExit()
        }
        if !FileManager.default.fileExists(atPath: output.path) {
          let last = try run(output)
          #expect(last.status == 0, "\(last.standardError)")
          resumed += last.standardError.contains("going on after block") ? 1 : 0
          #expect(try names(in: folder).filter { $0.hasSuffix(".partial") }.isEmpty)
        }
        #expect(try contents(output) == expected, "round \(round)")
        // What earlier processes took is in the report.
        let written = try report(output)
        let result = try #require(written["result"])
        let blocks = (result["blocks"]?.arrayValue ?? []).compactMap { $0["seconds"]?.doubleValue }
        #expect(blocks.count == 6)
        let seconds = try #require(result["seconds"]?.doubleValue)
        #expect(seconds >= blocks.reduce(0, +))
        #expect(try losses(output) == losses(whole))
        try FileManager.default.removeItem(at: output)
        try? FileManager.default.removeItem(at: output.appendingPathExtension("partial"))
      }
      #expect(resumed > 0)
    }
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)])
  func aSignalEndsARunInGoodOrder(_ signal: Int32, _ status: Int) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let more = ["--iterations", "400"]
      let errors = folder.appending(path: "errors")
      try Data().write(to: errors)
      let process = Process()
      process.executableURL = CommandRun.product("autoround")
      process.arguments = ["quantize", model, "--output", output.path] + small + more
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
      try waitForBlocks(1, process, output)
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit)
      #expect(Int(process.terminationStatus) == status)
      let text = try String(contentsOf: errors, encoding: .utf8)
      #expect(text.contains("to go on: "))
      #expect(text.contains("quantize \(model) --output \(output.path)"))
      #expect(!FileManager.default.fileExists(atPath: output.path))

      // Whatever matters and differs is named, and what is kept stays.
      for (option, value, name) in [
        ("--seed", "7", "seed: it was '42', now it is '7'"),
        ("--scheme", "W3A16", "scheme:"), ("--compute", "f32", "compute type"),
        ("--threads", "2", "threads: it was '1', now it is '2'"),
      ] {
        if option == "--compute", ComputeType.automatic == .float32 { continue }
        let other = try run(output, more + [option, value])
        #expect(other.status == 1)
        #expect(other.standardError.contains(name), "\(other.standardError)")
        #expect(other.standardError.contains("--restart"))
      }
      let anew = try run(output, ["--iterations", "1", "--restart"])
      #expect(anew.status == 0, "\(anew.standardError)")
      #expect(!anew.standardError.contains("going on"))
    }
  }

  /// Files that are only copied do not decide what the blocks become.
  @Test func aFileOfTheModelMayBeCorrectedMeanwhile() throws {
    try withTemporaryFolder { folder in
      let (copy, output) = (folder.appending(path: "model"), folder.appending(path: "out"))
      try FileManager.default.copyItem(at: URL(filePath: model), to: copy)
      let process = Process()
      process.executableURL = CommandRun.product("autoround")
      let arguments =
        ["quantize", copy.path, "--output", output.path] + small + ["--iterations", "100"]
      process.arguments = arguments
      process.standardError = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      try waitForBlocks(1, process, output)
      kill(process.processIdentifier, SIGTERM)
      process.waitUntilExit()
      let corrected = Data(#"{"max_length": 7}"#.utf8)
      try corrected.write(to: copy.appending(path: "generation_config.json"))
      let run = try CommandRun(CommandRun.product("autoround"), arguments)
      #expect(run.status == 0, "\(run.standardError)")
      #expect(run.standardError.contains("going on after block"), "\(run.standardError)")
      let written = try Data(contentsOf: output.appending(path: "generation_config.json"))
      #expect(written == corrected)
    }
  }

  @Test func whatIsDamagedIsNotContinued() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let partial = output.appendingPathExtension("partial")
      let process = try start(output, ["--iterations", "400"])
      try waitForBlocks(2, process, output)
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let streams = try names(in: partial).filter { $0.hasPrefix("block-") }
      #expect(streams.count >= 2)

      func damage(_ file: URL, at place: (Int) -> Int) throws {
        var bytes = try Data(contentsOf: file)
        bytes[place(bytes.count)] ^= 1
        try bytes.write(to: file)
      }
      let arguments = ["--iterations", "400"]
      for file in ["journal", "checkpoint/model.safetensors"] + streams.suffix(1) {
        let url = partial.appending(path: file)
        let before = try Data(contentsOf: url)
        // In the journal's first line; in the shard's header, and in what is not written yet not at all.
        try damage(url) { file == "journal" ? 100 : file.hasPrefix("check") ? 20 : $0 / 2 }
        let run = try run(output, arguments)
        #expect(run.status == 1, "\(file): \(run.standardError)")
        #expect(run.standardError.contains("out.partial"), "\(run.standardError)")
        try before.write(to: url)
      }
    }
  }

  /// The system ends a process that reads past a mapped file's end; the program says what it was.
  @Test func aSourceThatIsShortenedMeanwhileIsNamed() throws {
    try withTemporaryFolder { folder in
      let (copy, output) = (folder.appending(path: "model"), folder.appending(path: "out"))
      try FileManager.default.copyItem(at: URL(filePath: model), to: copy)
      let weights = copy.appending(path: "model.safetensors").path
      let errors = folder.appending(path: "errors")
      try Data().write(to: errors)
      let process = Process()
      process.executableURL = CommandRun.product("autoround")
      process.arguments =
        ["quantize", copy.path, "--output", output.path] + small + ["--iterations", "400"]
      process.standardError = try FileHandle(forWritingTo: errors)
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      try waitForBlocks(1, process, output)
      #expect(truncate(weights, 20_000) == 0)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit)
      #expect(process.terminationStatus == 1)
      let text = try String(contentsOf: errors, encoding: .utf8)
      #expect(text.contains("error: \(weights): bytes of it are gone"), "\(text)")
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }

  /// A limit on the size of files, in units of 1024 bytes: met when the output is laid out, and when what a
  /// finished block leaves is written.
  @Test(arguments: [(100, "model.safetensors"), (4500, "block-0-original")])
  func aLimitOnTheSizeOfFilesIsAnError(_ kilobytes: Int, _ file: String) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let program = CommandRun.product("autoround").path
      let arguments =
        ["quantize", model, "--output", output.path] + small.dropLast(2) + [
          "--samples", "64", "--sequence-length", "256", "--iterations", "0",
        ]
      let run = try CommandRun(
        URL(filePath: "/bin/bash"),
        ["-c", "ulimit -f \(kilobytes); exec \"$0\" \"$@\"", program] + arguments)
      #expect(run.status == 1, "\(run.standardError)")
      let errors = run.standardError.split(separator: "\n").filter { $0.hasPrefix("error: ") }
      #expect(errors.count == 1)
      #expect(errors.first?.contains("\(output.path).partial/") == true, "\(run.standardError)")
      #expect(errors.first?.contains(file) == true, "\(run.standardError)")
      #expect(errors.first?.contains("bytes") == true, "\(run.standardError)")
      #expect(try names(in: folder).isEmpty)
    }
  }

  @Test func twoRunsOnOneOutput() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let first = try start(output, ["--iterations", "400"])
      try waitForBlocks(0, first, output)
      let second = try run(output)
      #expect(second.status == 1)
      #expect(second.standardError.contains("another run"))
      kill(first.processIdentifier, SIGKILL)
      first.waitUntilExit()
    }
  }

  @Test func threadsDoNotMatter() throws {
    try withTemporaryFolder { folder in
      let one = folder.appending(path: "one")
      let two = folder.appending(path: "two")
      #expect(try run(one).status == 0)
      let rest = small.dropLast(2) + ["--threads", "2"]
      let other = try CommandRun(
        CommandRun.product("autoround"), ["quantize", model, "--output", two.path] + rest)
      #expect(other.status == 0)
      #expect(try contents(one) == contents(two))
    }
  }
}
