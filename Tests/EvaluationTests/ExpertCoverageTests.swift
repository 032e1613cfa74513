import AutoRound
import Checkpoints
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing

/// Experts that few tokens of calibration reach.
@Suite struct ExpertCoverageTests {
  /// Runs the tiny MiniMax M2, whose experts are chosen with a correction that a test may set.
  private func run(
    _ name: String, correction: [Float], perToken: Int = 2, in folder: URL,
    _ observer: (any RunObserver)? = nil, _ set: (inout OptionOverrides) -> Void
  ) throws -> RunReport {
    let original = Fixtures.folder.appending(path: "models/minimax_m2")
    let source = folder.appending(path: "source-\(name)")
    let checkpoint = try Checkpoint(opening: original)
    if !FileManager.default.fileExists(atPath: source.path) {
      try write(checkpoint, correction, perToken, to: source)
    }
    let data = folder.appending(path: "ids.jsonl")
    try FamilyRun.writeRecords(to: data)
    var overrides = OptionOverrides(scheme: "W4A16") {
      $0.iterations = 4
      $0.sampleCount = 4
      $0.sequenceLength = 24
      $0.groupSize = 8
      $0.expertTokenLimit = 10
    }
    set(&overrides)
    var job = QuantizationJob(
      model: source, modifier: AutoRoundModifier(try ResolvedOptions(overrides: overrides)),
      output: folder.appending(path: name))
    job.compute = .float32
    job.reporting.heldOutTokenCount = 24
    job.dataset = try CalibrationSource(file: data)
    return try job.run(observer: observer)
  }

  private func write(
    _ checkpoint: Checkpoint, _ correction: [Float], _ perToken: Int, to source: URL
  ) throws {
    let writer = try CheckpointWriter(
      output: source, tensors: checkpoint.tensorNames.compactMap(checkpoint.info), sources: [],
      overwrite: false)
    for name in checkpoint.tensorNames {
      let tensor = try checkpoint.tensor(name)
      try writer.write(
        name.hasSuffix("e_score_correction_bias")
          ? Tensor(correction, shape: [6]).converted(to: tensor.dtype) : tensor, named: name)
    }
    var configuration = checkpoint.configuration
    configuration.set("num_experts_per_tok", JSONValue(perToken))
    try writer.write(configuration.text(), toFile: "config.json")
    try writer.copyFile(Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"))
    try writer.finish()
  }

  private func tensors(_ name: String, in folder: URL) throws -> [String: Tensor] {
    let checkpoint = try Checkpoint(opening: folder.appending(path: name))
    return try Dictionary(
      uniqueKeysWithValues: checkpoint.tensorNames.map { ($0, try checkpoint.tensor($0)) })
  }

  /// Two experts take all tokens: the others are rounded as without tuning, and listed.
  @Test func expertsWithoutTokensAreRoundedBySearch() throws {
    try withTemporaryFolder { folder in
      let correction: [Float] = [-1000, 1000, -1000, -1000, 1000, -1000]
      let report = try run("a", correction: correction, in: folder) { $0.iterations = 60 }
      _ = try run("b", correction: correction, in: folder) { $0.iterations = 0 }
      let blocks = report.blocks
      #expect(blocks.count == 2)
      for block in blocks {
        let experts = try #require(block.experts)
        #expect(experts.expertCount == 6)
        #expect(experts.leastTokenCount == 0)
        #expect(experts.medianTokenCount == 0)
        #expect(
          experts.rounded.map(\.name) == [0, 2, 3, 5].map { "block_sparse_moe.experts.\($0)" })
        #expect(experts.rounded.everySatisfies { $0.tokenCount == 0 })
        #expect(block.finalLoss.isFinite && block.finalLoss < block.rtnLoss)
      }
      let findings = try #require(report.verification).findings.filter { $0.kind == .damage }
      #expect(findings.isEmpty)
      #expect(
        report.warnings.contains {
          $0.contains("8 experts got fewer than 10 tokens") && $0.contains("experts.0 (0)")
        }, "\(report.warnings)")
      let (tuned, rounded) = (try tensors("a", in: folder), try tensors("b", in: folder))
      let ofExperts = tuned.keys.filter { $0.contains("layers.0.block_sparse_moe.experts.") }
      #expect(!ofExperts.isEmpty)
      for name in ofExperts {
        let isScarce = [0, 2, 3, 5].contains { name.contains("experts.\($0).") }
        if isScarce { #expect(tuned[name] == rounded[name], "\(name)") }
      }
      #expect(
        ofExperts.contains { $0.contains("experts.1.") && tuned[$0] != rounded[$0] })
      for file in ["quantization_report.json", "README.md"] {
        let text = try String(contentsOf: folder.appending(path: "a/\(file)"), encoding: .utf8)
        #expect(
          text.contains(file == "README.md" ? "calibration tokens of experts" : "least_tokens"))
      }
    }
  }

  /// One expert takes all tokens, and is tuned.
  @Test func allTokensOnOneExpert() throws {
    try withTemporaryFolder { folder in
      let report = try run(
        "a", correction: [0, 0, 1000, 0, 0, 0], perToken: 1, in: folder
      ) { $0.expertTokenLimit = nil }
      let experts = try #require(report.blocks.first?.experts)
      #expect(experts.rounded.count == 5)
      #expect(!experts.rounded.contains { $0.name.hasSuffix(".2") })
      #expect(report.quality?.perplexity.isFinite == true)
    }
  }

  /// A limit of nothing rounds nobody; of more than all tokens, every expert, and attention is still tuned.
  @Test(arguments: [0, 1000]) func limitsAreHeeded(limit: Int) throws {
    try withTemporaryFolder { folder in
      let report = try run("a", correction: Array(repeating: 0, count: 6), in: folder) {
        $0.expertTokenLimit = limit
      }
      for block in report.blocks {
        let experts = try #require(block.experts)
        #expect(experts.rounded.count == (limit == 0 ? 0 : 6))
        #expect(experts.leastTokenCount <= experts.medianTokenCount)
        // Two experts for each of 96 tokens.
        if limit > 0 { #expect(experts.rounded.reduce(0) { $0 + $1.tokenCount } == 192) }
        #expect(block.losses.count == 4)
      }
    }
  }

  /// A continued run reports what the blocks before it have found.
  @Test func coverageIsKept() throws {
    try withTemporaryFolder { folder in
      let correction: [Float] = [-1000, 0, 0, 0, 0, 0]
      #expect(throws: RunInterruption.self) {
        _ = try run("a", correction: correction, in: folder, Stopper()) { _ in }
      }
      let continued = try run("a", correction: correction, in: folder) { _ in }
      let whole = try run("b", correction: correction, in: folder) { _ in }
      #expect(continued.blocks.map(\.experts) == whole.blocks.map(\.experts))
      #expect(whole.blocks.everySatisfies { $0.experts?.rounded.map(\.tokenCount).first == 0 })
    }
  }

  /// With all experts calibrated on all tokens, experts that no token chooses decide about scales, and are counted, rounded
  /// and listed as ever.
  @Test func allExpertsAreCalibrated() throws {
    try withTemporaryFolder { folder in
      let correction: [Float] = [-1000, 1000, -1000, -1000, 1000, -1000]
      func run(_ name: String, all: Bool, _ observer: (any RunObserver)? = nil) throws -> RunReport
      {
        try self.run(name, correction: correction, in: folder, observer) {
          $0.scheme = "NVFP4"
          $0.ignore = ["re:.*self_attn.*", "lm_head"]
          $0.groupSize = nil
          $0.calibratesAllExperts = all
        }
      }
      let (chosen, all) = (try run("a", all: false), try run("b", all: true))
      #expect(chosen.blocks.map(\.experts) == all.blocks.map(\.experts))
      #expect(all.blocks.everySatisfies { $0.experts?.rounded.count == 4 })
      #expect(!all.warnings.contains { $0.contains("calibratesAllExperts") })
      let (few, many) = (try tensors("a", in: folder), try tensors("b", in: folder))
      let scales = many.keys.filter { $0.hasSuffix("input_global_scale") }
      #expect(scales.count == 2 * 6 * 3)
      for name in scales {
        let (before, now) = (try #require(few[name]).floats(), try #require(many[name]).floats())
        // What the first block's gate and up projections read does not depend on choices.
        if name.contains("layers.0.") && !name.contains(".w2.") {
          #expect(before == now, "\(name)")
        } else if name.contains("layers.0.") {
          #expect(before[0] > 1.01 * now[0], "\(name)")
        }
      }
      #expect(throws: RunInterruption.self) { _ = try run("c", all: true, Stopper()) }
      expectInputError(.invalidValue, mentioning: ["calibration of all experts", "false", "true"]) {
        _ = try run("c", all: false)
      }
      _ = try run("c", all: true)
      #expect(try tensors("c", in: folder) == many)
    }
  }

  /// A model without experts is as without the option, and the user is told.
  @Test func modelsWithoutExpertsStayAsTheyAre() throws {
    try withTemporaryFolder { folder in
      func run(_ name: String, all: Bool) throws -> RunReport {
        let family = try FamilyRun(
          "llama", scheme: "NVFP4", in: folder.appending(path: name))
        var job = family.job
        job.modifier = AutoRoundModifier(
          try job.modifier.options.overriding(OptionOverrides { $0.calibratesAllExperts = all }))
        return try job.run()
      }
      let (without, with) = (try run("a", all: false), try run("b", all: true))
      let changesNothing = "calibratesAllExperts changes nothing: the model has no experts"
      #expect(with.warnings.contains(changesNothing))
      #expect(!without.warnings.contains { $0.contains("calibratesAllExperts") })
      #expect(
        try tensors("a/out", in: folder) == tensors("b/out", in: folder))
    }
  }
}
