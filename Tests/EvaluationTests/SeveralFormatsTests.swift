import AutoRound
import Checkpoints
import Diagnostics
import Foundation
import QuantizedCheckpoints
import TestSupport
import Testing
import Verification

/// One tuning that is written in several formats.
@Suite struct SeveralFormatsTests {
  private static let formats = ["compressed-tensors", "auto-round", "gptq"]

  private func job(
    _ formats: [String], scheme: String = "W4A16", in folder: URL, _ name: String
  ) throws -> QuantizationJob {
    let inner = folder.appending(path: name)
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: false)
    var job = try FamilyRun("qwen3", scheme: scheme, in: inner).job
    job.formats = try formats.map { try OutputFormat(named: $0) }
    return job
  }

  private func bytes(_ url: URL) throws -> [String: Data] {
    let about = ["README.md", "report.html", "quantization_report.json", "SHA256SUMS"]
    return try Dictionary(
      uniqueKeysWithValues: names(in: url).filter { !about.contains($0) }
        .map { ($0, try Data(contentsOf: url.appending(path: $0))) })
  }

  @Test func eachIsWhatItWouldBeAlone() throws {
    try withTemporaryFolder { folder in
      let together = try job(Self.formats, in: folder, "all")
      let output = try #require(together.output)
      let plan = try together.plan(measuresTime: false)
      #expect(plan.outputs.map(\.format) == Self.formats)
      let report = try together.run()
      #expect(report.outputs.map(\.format) == Self.formats)
      #expect(try names(in: output) == Self.formats.sorted())
      var integers: [[String: [UInt8]]] = []
      for (index, name) in Self.formats.enumerated() {
        let own = output.appending(path: name)
        #expect(report.outputs[index].folder.path == own.path)
        let verified = Verifier(own, source: together.model).run()
        #expect(verified.findings.isEmpty, "\(verified.findings)")
        let alone = try job([name], in: folder, name)
        let only = try alone.run()
        let expected = try bytes(try #require(alone.output))
        let found = try bytes(own)
        #expect(found.count >= 4)
        #expect(found.keys.sorted() == expected.keys.sorted())
        for (file, data) in expected { #expect(found[file] == data, "\(name)/\(file)") }
        #expect(only.bitsPerWeight == report.outputs[index].bitsPerWeight)
        let sizes = Dictionary(
          uniqueKeysWithValues: plan.outputs[index].files.map { ($0.name, $0.byteCount) })
        for (file, data) in found { #expect(sizes[file] == data.count, "\(name)/\(file)") }
        let read = try DequantizedCheckpoint(Checkpoint(opening: own))
        integers.append(
          try Dictionary(
            uniqueKeysWithValues: read.schemes.keys.map { layer in
              (layer, try read.quantizedWeight(of: layer).codes.withUnsafeBytes { Array($0) })
            }))
      }
      #expect(integers[0].count == 14)
      #expect(integers[1] == integers[0] && integers[2] == integers[0])
    }
  }

  /// What a run that was cut off has left is gone on with in all formats.
  @Test func goesOnInAll() throws {
    try withTemporaryFolder { folder in
      let whole = try job(Self.formats, in: folder, "whole")
      try whole.run()
      let cut = try job(Self.formats, in: folder, "cut")
      #expect(throws: RunInterruption.self) { try cut.run(observer: Stopper()) }
      var other = cut
      other.formats = try ["gptq"].map { try OutputFormat(named: $0) }
      expectInputError(.invalidValue, mentioning: ["formats", "gptq"]) { try other.run() }
      try cut.run()
      let (expected, found) = try (#require(whole.output), #require(cut.output))
      for name in Self.formats {
        let (a, b) = try (
          bytes(expected.appending(path: name)), bytes(found.appending(path: name))
        )
        #expect(a.count >= 4 && a == b, "\(name)")
      }
      // All of it is replaced where that is asked for, and nothing where something else is in it.
      var again = cut
      expectInputError(.unwritable, mentioning: ["exists already"]) { try again.run() }
      again.overwrite = true
      try again.run()
      try "mine".write(
        to: found.appending(path: "notes.txt"), atomically: true, encoding: .utf8)
      expectInputError(.unwritable, mentioning: ["notes.txt"]) { try again.run() }
    }
  }

  @Test func refusesWhatAFormatCannotHold() throws {
    try withTemporaryFolder { folder in
      let floats = try job(["compressed-tensors", "gptq"], scheme: "NVFP4", in: folder, "floats")
      expectInputError(.unsupported, mentioning: ["model.layers.0", "compressed-tensors"]) {
        try floats.run()
      }
      let twice = try job(["gptq", "gptq"], in: folder, "twice")
      expectInputError(.invalidValue, mentioning: ["twice", "gptq"]) { try twice.run() }
      for name in ["floats", "twice"] {
        let left = try names(in: folder.appending(path: name))
        #expect(!left.contains { $0.hasPrefix("out") })
      }
      expectInputError(.invalidValue, mentioning: ["ggml", "compressed-tensors"]) {
        _ = try OutputFormat(named: "ggml")
      }
    }
  }

  /// Large models are spread over files of the size that was asked for.
  @Test func filesHaveTheSizeThatWasAskedFor() throws {
    try withTemporaryFolder { folder in
      var job = try job(["compressed-tensors"], in: folder, "shards")
      job.shardByteCountLimit = 40_000
      let plan = try job.plan(measuresTime: false)
      try job.run()
      let output = try #require(job.output)
      let shards = try names(in: output).filter { $0.hasSuffix(".safetensors") }
      #expect(shards.count > 2)
      #expect(shards == plan.files.map(\.name).filter { $0.hasSuffix(".safetensors") })
      let checkpoint = try Checkpoint(opening: output)
      for shard in shards {
        let own = checkpoint.tensorNames.filter {
          checkpoint.file(of: $0).lastPathComponent == shard
        }
        let byteCount = own.compactMap { checkpoint.info($0)?.byteCount }.reduce(0, +)
        #expect(byteCount <= 40_000 || own.count == 1)
      }
    }
  }
}
