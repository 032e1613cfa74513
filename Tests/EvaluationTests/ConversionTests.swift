import AutoRound
import Checkpoints
import Diagnostics
import Execution
import Foundation
import JSONText
import LanguageModels
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing
import Verification

/// Checkpoints of the reference laid out anew: the same numbers, and the same model.
@Suite struct ConversionTests {
  private func folder(_ format: String) -> URL {
    Fixtures.folder.appending(path: "formats/\(format)")
  }

  private let windows = TinyCheckpoint.windows(1, tokens: 12, seed: 24)

  private func convert(_ checkpoint: URL, to format: CompressionFormat, _ output: URL) throws {
    _ = try CheckpointConversion(
      checkpoint: checkpoint, formats: [try ConversionFormat(named: format.rawValue)],
      output: output
    ).run()
  }

  @Test(arguments: [
    ("nvfp4", CompressionFormat.dense), ("fp8_static", .dense), ("w8a8_int8", .dense),
    ("w4a16_kv_fp8", .dense), ("mixed_w2_w4", .dense), ("mxfp8", .dense), ("fp8_block", .dense),
    ("fp8_static", .naiveQuantized), ("fp8_dynamic", .naiveQuantized),
    ("w8a8_int8", .naiveQuantized), ("w8a8_int8", .packQuantized), ("w4a16_asym", .intQuantized),
    ("mixed_w2_w4", .intQuantized),
    ("w4a16_kv_fp8", .intQuantized), ("w3a16", .naiveQuantized),
    ("auto_round_w2_asym", .dense),
  ])
  func isTheSameModel(source: String, format: CompressionFormat) throws {
    try withTemporaryFolder { temporary in
      let output = temporary.appending(path: "out")
      try convert(folder(source), to: format, output)
      func logits(_ checkpoint: URL, _ quantizesActivations: Bool) throws -> [Float] {
        try TinyCheckpoint.logits(
          of: checkpoint, windows, quantizesActivations: quantizesActivations
        ).floats()
      }
      #expect(try logits(output, false) == logits(folder(source), false))
      let checkpoint = try Checkpoint(opening: output)
      let verified = Verifier(output).run()
      #expect(verified.files.contains { $0.name == "SHA256SUMS" })
      let configuration = checkpoint.configuration["quantization_config"]
      guard format != .dense else {
        #expect(configuration == nil)
        #expect(!checkpoint.tensorNames.contains { $0.hasSuffix("_scale") })
        return
      }
      #expect(try logits(output, true) == logits(folder(source), true))
      #expect(configuration?["format"] == .string(format.rawValue))
      // The reference leaves tensors behind that nobody reads; nothing else may be wrong.
      let damage = verified.findings.filter {
        $0.kind == .damage && !$0.place.hasSuffix("act_max_scale")
      }
      #expect(damage.isEmpty, "\(damage)")
    }
  }

  /// Readers of the two families round differently; what they round is the same.
  @Test(arguments: [
    ("gptq_w4_asym", CompressionFormat.packQuantized), ("awq_w4_asym", .packQuantized),
    ("auto_round_w3", .packQuantized), ("auto_round_w4", .intQuantized),
    ("auto_round_w2_asym", .packQuantized),
  ])
  func integersOfOtherFamiliesStay(source: String, format: CompressionFormat) throws {
    try withTemporaryFolder { temporary in
      let output = temporary.appending(path: "out")
      try convert(folder(source), to: format, output)
      let before = try DequantizedCheckpoint(Checkpoint(opening: folder(source)))
      let after = try DequantizedCheckpoint(Checkpoint(opening: output))
      #expect(before.schemes.count == 14 && Set(after.schemes.keys) == Set(before.schemes.keys))
      for layer in before.schemes.keys {
        let (first, second) = try (
          before.quantizedWeight(of: layer), after.quantizedWeight(of: layer)
        )
        #expect(second.codes == first.codes && second.scales == first.scales, "\(layer)")
        #expect(second.zeroPoints == first.zeroPoints, "\(layer)")
      }
      #expect(Set(after.tensorNames) == Set(before.tensorNames))
      let damage = Verifier(output).run().findings.filter { $0.kind == .damage }
      #expect(damage.isEmpty, "\(damage)")
    }
  }

  @Test(arguments: ["w4a16_asym", "mixed_w2_w4", "w4a16_kv_fp8"])
  func comesBackByteForByte(source: String) throws {
    try withTemporaryFolder { temporary in
      let (bytes, packed) = (temporary.appending(path: "a"), temporary.appending(path: "b"))
      try convert(folder(source), to: .intQuantized, bytes)
      try convert(bytes, to: .packQuantized, packed)
      let (before, after) = try (Checkpoint(opening: folder(source)), Checkpoint(opening: packed))
      #expect(after.tensorNames.sorted() == before.tensorNames.sorted())
      for name in before.tensorNames {
        #expect(after.info(name) == before.info(name))
        let (found, expected) = try (after.tensor(name), before.tensor(name))
        #expect(
          found.withUnsafeBytes { Array($0) } == expected.withUnsafeBytes { Array($0) }, "\(name)")
      }
    }
  }

  /// What nothing loads is not written.
  @Test(arguments: [
    ("nvfp4", CompressionFormat.mxfp4PackQuantized, "expected nvfp4-pack-quantized"),
    ("mxfp8", .floatQuantized, "expected mxfp8-quantized"),
    ("w4a16", .floatQuantized, "expected pack-quantized"),
  ])
  func refusesWhatCannotBeHeld(source: String, format: CompressionFormat, message: String) throws {
    try withTemporaryFolder { temporary in
      expectInputError(.unsupported, mentioning: ["model.layers.0.", "format", message]) {
        try convert(folder(source), to: format, temporary.appending(path: "out"))
      }
      let left = try names(in: temporary)
      #expect(left.isEmpty)
    }
  }

  /// A shape that the packed codes do not have is found before room is taken for it.
  @Test func refusesAShapeThatLies() throws {
    try withTemporaryFolder { temporary in
      let source = try Checkpoint(opening: folder("w4a16"))
      let infos = source.tensorNames.compactMap { source.info($0) }
      let bad = temporary.appending(path: "bad")
      let writer = try CheckpointWriter(output: bad, tensors: infos, sources: [], overwrite: false)
      let name = "model.layers.1.mlp.up_proj.weight_shape"
      for info in infos {
        let lie = Tensor([Int64(1) << 30, Int64(1) << 30], shape: [2], dtype: .int64)
        try writer.write(info.name == name ? lie : source.tensor(info.name), named: info.name)
      }
      try writer.write(source.configuration.text(), toFile: "config.json")
      try writer.finish()
      for format in [CompressionFormat.dense, .intQuantized] {
        expectInputError(.malformed, mentioning: ["bad", "mlp.up_proj.weight_packed"]) {
          try convert(bad, to: format, temporary.appending(path: "out"))
        }
      }
    }
  }
}
