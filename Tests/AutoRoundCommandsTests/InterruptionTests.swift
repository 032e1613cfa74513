import Foundation
import JSONText
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Runs that are ended from outside, at other moments than in the middle of the blocks.
@Suite(.serialized) struct InterruptionTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  /// Starts a run, sends a signal when `text` is among its lines, and waits for the end.
  private func interrupted(
    at text: String, _ arguments: [String], in folder: URL, by signals: [Int32] = [SIGINT]
  ) throws -> (status: Int32, errors: String) {
    let errors = folder.appending(path: "errors")
    try Data().write(to: errors)
    let process = Process()
    process.executableURL = CommandRun.product("autoround")
    process.arguments = ["quantize"] + arguments
    process.standardError = try FileHandle(forWritingTo: errors)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    while process.isRunning,
      !String(decoding: try Data(contentsOf: errors), as: UTF8.self).contains(text)
    {
      usleep(500)
    }
    for signal in signals { kill(process.processIdentifier, signal) }
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOf: errors, encoding: .utf8))
  }

  @Test func beforeTheFirstBlockNothingIsLeft() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let run = try interrupted(
        at: "compute ",
        [
          model.path, "--output", output.path, "--samples", "4", "--sequence-length", "64",
          "--iterations", "100000",
        ], in: folder)
      #expect(run.status == 130)
      #expect(run.errors.contains("nothing is left behind, and the same command starts again"))
      #expect(try names(in: folder) == ["errors"])
    }
  }

  /// The terminal goes away; shells and the system may both say so.
  @Test func aTerminalThatClosesEndsARunInGoodOrder() throws {
    try withTemporaryFolder { folder in
      let run = try interrupted(
        at: "block 1/6  loss",
        [
          model.path, "--output", folder.appending(path: "out").path, "--samples", "4",
          "--sequence-length", "64", "--iterations", "300", "--threads", "1",
        ], in: folder, by: [SIGHUP, SIGHUP])
      #expect(run.status == 129, "\(run.errors)")
      #expect(run.errors.contains("of 6 blocks; to go on: "), "\(run.errors)")
      #expect(try names(in: folder) == ["errors", "out.partial"])
    }
  }

  /// As `nohup` starts it.
  @Test func aRunThatIgnoresHangupsGoesOn() throws {
    try withTemporaryFolder { folder in
      let run = try CommandRun(
        URL(filePath: "/bin/bash"),
        [
          "-c", "trap '' HUP; \"$0\" \"$@\" & sleep 0.3; kill -HUP $!; wait $!",
          CommandRun.product("autoround").path, "quantize", model.path, "--output",
          folder.appending(path: "out").path, "--samples", "4", "--sequence-length", "64",
          "--iterations", "100", "--threads", "1",
        ])
      #expect(run.status == 0, "\(run.standardError)")
      #expect(try names(in: folder) == ["out"])
    }
  }

  @Test func theComparisonWithTheSourceIsStoppedAsWell() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let arguments = [
        model.path, "--output", output.path, "--samples", "128", "--sequence-length", "256",
        "--iterations", "0", "--threads", "1",
      ]
      let run = try interrupted(at: "comparing with the source", arguments, in: folder)
      #expect(run.status == 130, "\(run.errors)")
      #expect(run.errors.contains("interrupted after 6 of 6 blocks; to go on: "))
      #expect(try names(in: folder) == ["errors", "out.partial"])
      let last = try Invocation(["quantize"] + arguments)
      #expect(last.status == 0, "\(last.errors)")
      #expect(last.errors.contains("verifying what was written"))
      #expect(try names(in: folder) == ["errors", "out"])
    }
  }

  @Test func aReaderThatGoesAwayDoesNotEndARun() throws {
    try withTemporaryFolder { folder in
      let run = try CommandRun(
        URL(filePath: "/bin/bash"),
        [
          "-c", "\"$0\" \"$@\" 2>&1 | head -n 1; exit ${PIPESTATUS[0]}",
          CommandRun.product("autoround").path, "quantize", model.path, "--output",
          folder.appending(path: "out").path, "--samples", "2", "--sequence-length", "16",
          "--iterations", "20", "--json",
        ])
      #expect(run.status == 0, "\(run.standardError)")
      #expect(try names(in: folder) == ["out"])
    }
  }

  /// Written over while a run reads it: what comes of it must not appear under the final name.
  @Test func aSourceThatIsWrittenOverMeanwhileIsNamed() throws {
    try withTemporaryFolder { folder in
      let (copy, output) = (folder.appending(path: "model"), folder.appending(path: "out"))
      try FileManager.default.copyItem(at: model, to: copy)
      let errors = folder.appending(path: "errors")
      try Data().write(to: errors)
      let process = Process()
      process.executableURL = CommandRun.product("autoround")
      process.arguments = [
        "quantize", copy.path, "--output", output.path, "--samples", "2", "--sequence-length",
        "64", "--iterations", "40", "--threads", "1",
      ]
      process.standardError = try FileHandle(forWritingTo: errors)
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      while process.isRunning,
        !String(decoding: try Data(contentsOf: errors), as: UTF8.self).contains("block 1/6  loss")
      {
        usleep(500)
      }
      // One of the last weights to be copied, and no number that is not finite.
      let weights = copy.appending(path: "model.safetensors")
      let place = try offsets(of: "model.embed_tokens.weight", in: Data(contentsOf: weights))
      let file = try FileHandle(forWritingTo: weights)
      try file.seek(toOffset: UInt64(place.lowerBound))
      try file.write(contentsOf: Data(count: 1000))
      try file.close()
      process.waitUntilExit()
      let text = try String(contentsOf: errors, encoding: .utf8)
      #expect(process.terminationReason == .exit)
      #expect(process.terminationStatus == 1, "\(text)")
      #expect(text.contains("was changed while it was read"), "\(text)")
      #expect(text.contains("model.embed_tokens.weight"), "\(text)")
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }

  private func offsets(of tensor: String, in bytes: Data) throws -> Range<Int> {
    let headerCount = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    let header = try JSONValue.parse(Array(bytes[8..<8 + headerCount]))
    let offsets = (header[tensor]?["data_offsets"]?.arrayValue ?? []).compactMap(\.intValue)
    return 8 + headerCount + offsets[0]..<8 + headerCount + offsets[1]
  }

  /// One byte in the middle of a weight is enough.
  @Test func aSourceThatHasChangedIsNotContinued() throws {
    try withTemporaryFolder { folder in
      let (copy, output) = (folder.appending(path: "model"), folder.appending(path: "out"))
      try FileManager.default.copyItem(at: model, to: copy)
      let arguments = [
        copy.path, "--output", output.path, "--samples", "4", "--sequence-length", "64",
        "--iterations", "300", "--threads", "1",
      ]
      let run = try interrupted(at: "block 1/6  loss", arguments, in: folder)
      #expect(run.status == 130, "\(run.errors)")

      let weights = copy.appending(path: "model.safetensors")
      var bytes = try Data(contentsOf: weights)
      let name = "model.layers.4.mlp.up_proj.weight"
      let place = try offsets(of: name, in: bytes)
      bytes[(place.lowerBound + place.upperBound) / 2] ^= 1
      try bytes.write(to: weights)
      let other = try Invocation(["quantize"] + arguments)
      #expect(other.status == 1)
      #expect(
        other.errors.contains("tensor '\(name)' in model.safetensors: its content is another"),
        "\(other.errors)")
      #expect(try names(in: folder) == ["errors", "model", "out.partial"])
    }
  }
}
