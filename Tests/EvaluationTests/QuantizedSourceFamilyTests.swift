import AutoRound
import Checkpoints
import Diagnostics
import Execution
import Foundation
import TestSupport
import Testing
import Verification

/// Quantized sources of models whose layers are not tensors of their own in all files.
@Suite struct QuantizedSourceFamilyTests {
  /// Rounds the tiny model of a family and reads the result as a source.
  private func withQuantized(
    _ model: String, format: String, groupSize: Int, ignore: [String], hasDense: Bool,
    _ body: (SourceTwins) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let options = try ResolvedOptions(
        overrides: OptionOverrides(scheme: "W8A16") {
          $0.isModelFree = true
          $0.groupSize = groupSize
        }, recipe: AutoRoundOptions(ignore: ignore))
      var job = QuantizationJob(
        model: Fixtures.folder.appending(path: "models/\(model)"),
        modifier: AutoRoundModifier(options), output: folder.appending(path: "first"))
      job.formats = [try OutputFormat(named: format)]
      _ = try job.run()
      try SourceTwins.of(folder.appending(path: "first"), hasDense: hasDense, body)
    }
  }

  /// Experts of MLX are stacks, quantized or not.
  @Test(arguments: [
    ("qwen3-moe", "layers.0.mlp.experts.*.up_proj"),
    ("mixtral", "layers.1.block_sparse_moe.experts.*"),
  ])
  func expertsInStacks(model: String, kept: String) throws {
    let ignore = ["lm_head", "re:.*\(kept)"]
    try withQuantized(model, format: "mlx", groupSize: 32, ignore: ignore, hasDense: true) {
      twins in
      let stored = try Checkpoint(opening: twins.quantized).tensorNames
      let stacks = stored.filter { $0.contains("switch_mlp") }
      let quantized = stacks.filter { $0.hasSuffix(".scales") }.count
      #expect(quantized > 0 && stacks.filter { $0.hasSuffix(".weight") }.count > quantized)
      let source = try Checkpoint.source(opening: twins.quantized)
      let dense = try Checkpoint(opening: twins.dense)
      #expect(source.tensorNames.sorted() == dense.tensorNames.sorted())
      #expect(!source.tensorNames.contains { $0.contains("switch_mlp") })
      for name in source.tensorNames {
        #expect(try source.tensor(name) == dense.tensor(name), "\(name)")
      }
      let report = try twins.job(twins.quantized, to: "a").run()
      _ = try twins.job(twins.dense, to: "b").run()
      try twins.expectSame("a", "b")
      #expect(report.verification?.findings.map(\.message) == [])
    }
  }

  /// Where full precision has stacks, or rows for columns, a source has layers of their own; those that are quantized
  /// anew are written, and no others.
  @Test(arguments: [
    ("gpt2", "re:.*h.1.mlp.c_proj"), ("gpt_oss", "re:.*layers.1.*experts.3.down_proj"),
  ])
  func layersOfTheirOwn(model: String, kept: String) throws {
    try withQuantized(
      model, format: "compressed-tensors", groupSize: 16, ignore: ["lm_head"], hasDense: false
    ) { twins in
      for isModelFree in [false, true] {
        let report = try twins.job(
          twins.quantized, to: isModelFree ? "b" : "a", isModelFree: isModelFree
        ).run()
        #expect(report.verification?.findings.map(\.message) == [])
        expectInputError(.unsupported, mentioning: ["not put together again"]) {
          try twins.job(
            twins.quantized, to: "c", ignore: ["lm_head", kept], isModelFree: isModelFree
          ).plan(measuresTime: false)
        }
      }
    }
  }

  /// What is made takes memory of its own.
  @Test func memoryIsPlanned() throws {
    let fixture = Fixtures.folder.appending(path: "formats/w4a16")
    try SourceTwins.of(fixture) { twins in
      let plans = try [twins.quantized, twins.dense].map {
        try twins.job($0, to: "a").plan(measuresTime: false)
      }
      let weights = plans[0].layers.map { $0.shape.reduce(1, *) }
      #expect(weights.count == 14)
      let made = 2 * weights.reduce(0, +) / 2
      #expect(plans[0].memory.tuning >= plans[1].memory.tuning + made)
      #expect(plans[0].memory.block > plans[1].memory.block)
      #expect(plans[0].outputs == plans[1].outputs)
    }
  }

  /// Sources in small floats are written as numbers.
  @Test(arguments: ["deepseek_v3-fp8", "gpt_oss-mxfp4"]) func smallFloatsBecomeDense(
    model: String
  ) throws {
    try withTemporaryFolder { folder in
      let source = Fixtures.folder.appending(path: "models/\(model)")
      let output = folder.appending(path: "dense")
      _ = try CheckpointConversion(
        checkpoint: source, formats: [ConversionFormat(named: "dense")], output: output
      ).run()
      let (before, after) = (try Checkpoint(opening: source), try Checkpoint(opening: output))
      #expect(after.made == nil && after.configuration == before.configuration)
      #expect(after.tensorNames.sorted() == before.tensorNames.sorted())
      #expect(before.tensorNames.count > 20)
      for name in before.tensorNames {
        #expect(try after.tensor(name) == before.tensor(name), "\(name)")
      }
      expectInputError(.unsupported, mentioning: ["read as a source"]) {
        try CheckpointConversion(
          checkpoint: source, formats: [ConversionFormat(named: "gptq")],
          output: folder.appending(path: "gptq")
        ).run()
      }
    }
  }
}
