import AutoRound
import Checkpoints
import Diagnostics
import Evaluation
import Foundation
import GGUF
import GGUFModels
import Inspection
import JSONText
import Tensors
import TestSupport
import Testing
import Tokenization
import Verification

/// Files of llama.cpp in the place of checkpoints.
@Suite struct GGUFSourceTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")
  private let text = Fixtures.examples.appending(path: "data/evaluation.txt")

  /// The example as such files, by type.
  private func files(_ types: [String], in folder: URL) throws -> [URL] {
    let output = folder.appending(path: "files")
    _ = try CheckpointConversion(
      checkpoint: model, formats: types.map { try ConversionFormat(named: "gguf:\($0)") },
      output: output
    ).run()
    return try types.map { type in
      try ggufFile(in: types.count > 1 ? output.appending(path: "gguf-\(type)") : output).url
    }
  }

  private func excerpt(in folder: URL) throws -> URL {
    let file = folder.appending(path: "text.txt")
    try Data(String(contentsOf: text, encoding: .utf8).prefix(6000).utf8).write(to: file)
    return file
  }

  @Test func perplexitiesAreNearThatOfTheCheckpoint() throws {
    try withTemporaryFolder { folder in
      let files = try files(["f16", "q8_0"], in: folder)
      let text = try excerpt(in: folder)
      func perplexity(_ url: URL) throws -> Double {
        var evaluation = Evaluation(model: url, sequenceLength: 128)
        evaluation.compute = .float32
        return try evaluation.run(onText: text).perplexity
      }
      let expected = try perplexity(model)
      #expect(expected > 1)
      // Numbers of the checkpoint are bf16, few of which f16 does not have.
      #expect(abs(try perplexity(files[0]) / expected - 1) < 1e-4)
      #expect(abs(try perplexity(files[1]) / expected - 1) < 5e-3)
      var comparison = Evaluation(model: files[1], reference: model, sequenceLength: 128)
      comparison.compute = .float32
      let report = try comparison.run(onText: text)
      #expect(try #require(report.comparison).klDivergenceMean < 1e-3)
    }
  }

  @Test func aFileIsInspectedAndVerified() throws {
    try withTemporaryFolder { folder in
      let file = try files(["q4_k_m"], in: folder)[0]
      let summary = try CheckpointSummary(opening: file)
      #expect(summary.structure?.blockCount == 6)
      #expect(summary.tokenizer != nil)
      let contents = try #require(summary.file)
      #expect(contents.types.count >= 3)
      #expect(contents.bitsPerWeight > 4)
      #expect(contents.bitsPerWeight < 10)
      let tokens = try #require(contents.keys.first { $0.name == "tokenizer.ggml.tokens" })
      #expect(tokens.value.hasSuffix("of type string"))
      #expect(summary.json["file"]?["types"]?.arrayValue?.count == contents.types.count)

      let report = try #require(try VerificationReport.ofFile(at: file, source: model))
      #expect(report.findings.map(\.message) == [])
      #expect(report.comparesSource)
      #expect(report.quantizedLayerCount > 42)
      #expect(try VerificationReport.ofFile(at: model) == nil)

      // The scale of a block as infinity.
      let opened = try GGUFFile(opening: file)
      let start = opened.header.encoded.count
      let entry = try #require(
        opened.header.entries.first { $0.info.name == "blk.2.attn_q.weight" })
      var bytes = try Data(contentsOf: file)
      bytes[start + entry.offsets.lowerBound] = 0
      bytes[start + entry.offsets.lowerBound + 1] = 0x7C
      let damaged = folder.appending(path: "damaged.gguf")
      try bytes.write(to: damaged)
      let found = try #require(try VerificationReport.ofFile(at: damaged)).findings
      #expect(found.count == 1)
      #expect(found.first?.place == "tensor 'blk.2.attn_q.weight'")
      // Whoever reads all of it sees that on the way.
      var shares: [Double] = []
      let unsound = try GGUFFile(opening: damaged)
      expectInputError(
        .notFinite, mentioning: ["damaged.gguf", "blk.2.attn_q.weight", "element 0"]
      ) {
        _ = try unsound.fingerprint { shares.append($0) }
      }
      let last = try #require(shares.last)
      #expect(last < 1)
      try bytes.dropLast(40).write(to: damaged)
      #expect(try VerificationReport.ofFile(at: damaged)?.findings.count == 1)
    }
  }

  /// Sources whose names are other than those that the file is read with, one of them with experts in stacks.
  @Test(arguments: [("mistral3", 21, "ffn_up"), ("qwen3_5_moe", 38, "ffn_gate_exps")])
  func aFileIsComparedWithItsSource(
    _ model: String, _ tensorCount: Int, _ damagedModule: String
  ) throws {
    try withTemporaryFolder { folder in
      let source = try FamilyRun(model, scheme: "W4A16", in: folder) {
        try trimTokenizer(in: $0, to: 96)
      }.source
      let output = folder.appending(path: "file")
      _ = try CheckpointConversion(
        checkpoint: source, formats: [try ConversionFormat(named: "gguf:q8_0")], output: output
      ).run()
      let file = try ggufFile(in: output)
      let report = try #require(try VerificationReport.ofFile(at: file.url, source: source))
      #expect(report.findings.map(\.message) == [])
      #expect(report.comparesSource)
      #expect(report.tensorCount == tensorCount)

      // The last member as zeros, or the whole matrix.
      let name = "blk.1.\(damagedModule).weight"
      let entry = try #require(file.header.entries.first { $0.info.name == name })
      #expect(entry.info.type == .q80)
      let count = entry.info.shape.count > 2 ? entry.info.shape[0] : 1
      var bytes = try Data(contentsOf: file.url)
      let end = file.header.encoded.count + entry.offsets.upperBound
      for offset in end - entry.offsets.count / count..<end { bytes[offset] = 0 }
      try bytes.write(to: file.url)
      let found = try #require(try VerificationReport.ofFile(at: file.url, source: source)).findings
      #expect(
        found.map(\.place) == ["tensor '\(name)'" + (count > 1 ? "[\(count - 1)]" : "")])
      #expect(found.map(\.message) == ["differs from the source by 100.0 % of its size"])
    }
  }

  /// A file becomes a folder again: the numbers of the file, and the tokenizer.
  @Test func aFileIsConvertedToAFolder() throws {
    try withTemporaryFolder { folder in
      let file = try files(["bf16"], in: folder)[0]
      let output = folder.appending(path: "dense")
      let report = try CheckpointConversion(
        checkpoint: file, formats: [try ConversionFormat(named: "dense")], output: output
      ).run()
      #expect(report.remarks == [])
      let (given, found) = (try Checkpoint(opening: model), try Checkpoint(opening: output))
      #expect(Set(found.tensorNames) == Set(given.tensorNames))
      for name in given.tensorNames {
        #expect(try found.tensor(name).floats() == given.tensor(name).floats(), "\(name)")
      }
      #expect(given.tensorNames.count > 50)
      let difference = try CheckpointDifference.between(file, output)
      #expect(difference.entries.count == given.tensorNames.count)
      #expect(
        difference.entries.count { $0.error?.differingCount == 0 } == difference.entries.count)
      let words = "It was the best of times, it was the worst of times."
      #expect(
        try Tokenizer(folder: output).encode(words, addingSpecialTokens: true)
          == Tokenizer(folder: model).encode(words, addingSpecialTokens: true))
    }
  }

  /// What is quantized from a file is what is quantized from the folder that the file becomes.
  @Test func aFileIsASource() throws {
    try withTemporaryFolder { folder in
      let file = try files(["q8_0"], in: folder)[0]
      let dense = folder.appending(path: "dense")
      _ = try CheckpointConversion(
        checkpoint: file, formats: [try ConversionFormat(named: "dense")], output: dense
      ).run()
      var outputs: [Checkpoint] = []
      for (name, source) in [("a", file), ("b", dense)] {
        let options = try ResolvedOptions(
          overrides: OptionOverrides(scheme: "W4A16") { $0.isModelFree = true })
        let output = folder.appending(path: name)
        try QuantizationJob(model: source, modifier: AutoRoundModifier(options), output: output)
          .run()
        outputs.append(try Checkpoint(opening: output))
      }
      #expect(Set(outputs[0].tensorNames) == Set(outputs[1].tensorNames))
      for name in outputs[0].tensorNames {
        let (a, b) = (try outputs[0].tensor(name), try outputs[1].tensor(name))
        #expect(a.withUnsafeBytes { Array($0) } == b.withUnsafeBytes { Array($0) }, "\(name)")
      }
      #expect(outputs[0].tensorNames.count > 100)
    }
  }

  @Test func severalFilesInAFolderAreRefused() throws {
    try withTemporaryFolder { folder in
      for name in ["a.gguf", "b.gguf"] { try Data().write(to: folder.appending(path: name)) }
      expectInputError(.unsupported, mentioning: ["2 files", "'a.gguf'"]) {
        try CheckpointSummary(opening: folder)
      }
    }
  }
}
