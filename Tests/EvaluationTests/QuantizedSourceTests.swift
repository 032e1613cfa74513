import AutoRound
import Checkpoints
import Diagnostics
import Execution
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing
import Verification

/// Runs on a source that is quantized already give what runs on the numbers give that it stands for.
@Suite struct QuantizedSourceTests {
  private static func fixture(_ format: String) -> URL {
    Fixtures.folder.appending(path: "formats/\(format)")
  }

  /// Checkpoints of the reference, and what reports say of them.
  private static let storages = [
    ("w4a16_asym", "compressed-tensors (4-bit int asymmetric, groups of 32), read as bf16"),
    (
      "mixed_w2_w4",
      "compressed-tensors (2-bit int symmetric, groups of 32; 4-bit int symmetric, groups of 32), read as bf16"
    ),
    ("w8a8_int8", "compressed-tensors (8-bit int symmetric, per channel), read as bf16"),
    ("fp8_static", "compressed-tensors (8-bit float, per tensor), read as bf16"),
    ("fp8_block", "compressed-tensors (8-bit float, blocks of 128x128), read as bf16"),
    ("nvfp4", "compressed-tensors (4-bit float, groups of 16), read as bf16"),
    ("mxfp4", "compressed-tensors (4-bit float, groups of 32), read as bf16"),
    ("mxfp8", "compressed-tensors (8-bit float, groups of 32), read as bf16"),
    ("gptq_w4_asym", "gptq (4-bit int asymmetric, groups of 32), read as f16"),
    ("awq_w4_asym", "awq (4-bit int asymmetric, groups of 32), read as f16"),
    ("auto_round_w3", "auto-round (3-bit int symmetric, groups of 32), read as f16"),
    ("mlx_w4_asym", "mlx (4-bit int asymmetric, groups of 32), read as f16"),
    (
      "mlx_lm_mixed",
      "mlx (4-bit int asymmetric, groups of 32; 3-bit int asymmetric, groups of 64; 8-bit int asymmetric, groups of 32; 6-bit int asymmetric, groups of 32), read as bf16"
    ),
  ]

  @Test(arguments: storages) func isQuantizedLikeItsNumbers(
    format: String, storage: String
  ) throws {
    try SourceTwins.of(Self.fixture(format)) { twins in
      try twins.expectSameTunedRuns(storage: storage)
    }
  }

  @Test(arguments: storages.map(\.0)) func isRoundedWithoutBeingRun(format: String) throws {
    try SourceTwins.of(Self.fixture(format)) { twins in
      for (source, output) in [(twins.quantized, "a"), (twins.dense, "b")] {
        let report = try twins.job(source, to: output, scheme: "W8A16", isModelFree: true).run()
        #expect(report.verification?.findings.map(\.message) == [])
      }
      try twins.expectSame("a", "b")
    }
  }

  @Test func anUnfinishedRunIsContinued() throws {
    try SourceTwins.of(Self.fixture("gptq_w4_asym")) { twins in
      let stopper = Stopper()
      #expect(throws: RunInterruption.self) {
        _ = try twins.job(twins.quantized, to: "a").run(observer: stopper)
      }
      // Not with other numbers.
      expectInputError(.invalidValue, mentioning: ["the model's", "header"]) {
        try twins.job(twins.dense, to: "a").run()
      }
      let report = try twins.job(twins.quantized, to: "a").run()
      #expect(report.blocks.count == 2)
      _ = try twins.job(twins.dense, to: "b").run()
      try twins.expectSame("a", "b")
    }
  }

  @Test(arguments: ["gptq_w4_asym", "mlx_w4_asym", "nvfp4"])
  func damageIsFound(format: String) throws {
    try SourceTwins.of(Self.fixture(format), hasDense: false) { twins in
      try twins.expectDamageIsFound()
    }
  }

  /// Inputs, keys and values stay as they are, and the user is told.
  @Test(arguments: [
    ("w8a8_int8", "inputs of 14 layers"), ("fp8_static", "inputs of 14 layers"),
    ("w4a16_kv_fp8", "keys and values"),
  ])
  func activationsAreNotRead(format: String, remark: String) throws {
    try SourceTwins.of(Self.fixture(format), hasDense: false) { twins in
      let report = try twins.job(twins.quantized, to: "a").run()
      #expect(report.warnings.contains { $0.contains(remark) }, "\(report.warnings)")
      let copy = try Checkpoint(opening: twins.folder.appending(path: "a"))
      let names = copy.tensorNames
      #expect(names.count > 20)
      #expect(!names.contains { $0.hasSuffix("input_scale") || $0.hasSuffix("k_scale") })
      let groups = copy.configuration["quantization_config"]?["config_groups"]?.objectValue ?? []
      #expect(groups.map { $0.value["input_activations"] } == [.null])
    }
  }

  /// Tensors that do not fit are found by their headers.
  @Test(arguments: [
    ("w4a16", "weight_scale"), ("gptq_w4_asym", "qzeros"), ("mlx_w4_asym", "biases"),
    ("nvfp4", "weight_global_scale"),
  ])
  func aMissingOrWrongPartIsFoundByThePlan(format: String, suffix: String) throws {
    let name = "model.layers.1.mlp.up_proj.\(suffix)"
    for isMissing in [true, false] {
      try SourceTwins.of(Self.fixture(format), hasDense: false) { twins in
        let file = twins.quantized.appending(path: "model.safetensors")
        let stored = try SafetensorsFile(
          opening: Self.fixture(format).appending(path: file.lastPathComponent))
        let tensors = try stored.entries.filter { !isMissing || $0.name != name }.map { entry in
          let tensor = try stored.tensor(entry.name)
          return (
            entry.name, entry.name == name ? Tensor(zeros: [3, 3], dtype: tensor.dtype) : tensor
          )
        }
        #expect(tensors.count == stored.entries.count - (isMissing ? 1 : 0))
        try FileManager.default.removeItem(at: file)
        try SourceTwins.write(tensors, to: twins.folder.appending(path: "spoilt"))
        try FileManager.default.moveItem(
          at: twins.folder.appending(path: "spoilt/model.safetensors"), to: file)
        for isModelFree in [false, true] {
          expectInputError(isMissing ? .missing : .malformed, mentioning: [name]) {
            try twins.job(twins.quantized, to: "a", isModelFree: isModelFree)
              .plan(measuresTime: false)
          }
        }
      }
    }
  }
}

extension SourceTwins {
  /// Copies a checkpoint with a tokenizer, and converts it.
  ///
  /// - Parameter hasDense: Whether it can be written in full precision.
  static func of(
    _ checkpoint: URL, hasDense: Bool = true, _ body: (SourceTwins) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let twins = SourceTwins(folder: folder)
      try FileManager.default.createDirectory(
        at: twins.quantized, withIntermediateDirectories: false)
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(
          at: checkpoint.appending(path: name), to: twins.quantized.appending(path: name))
      }
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"),
        to: twins.quantized.appending(path: "tokenizer.json"))
      if hasDense {
        _ = try CheckpointConversion(
          checkpoint: twins.quantized, formats: [ConversionFormat(named: "dense")],
          output: twins.dense
        ).run()
      }
      try FamilyRun.writeRecords(to: twins.data)
      try body(twins)
    }
  }
}
