import AutoRound
import CKernels
import Checkpoints
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing
import Verification

/// Runs on a source in small floats give what runs on the numbers give that it stands for.
@Suite struct SmallFloatRunTests {
  @Test func logitsAreThoseOfTheNumbers() throws {
    try SourceTwins.with { twins in
      let windows = TinyCheckpoint.windows(2, tokens: 16, seed: 3)
      let (small, dense) = (
        try TinyCheckpoint.logits(of: twins.quantized, windows),
        try TinyCheckpoint.logits(of: twins.dense, windows)
      )
      #expect(small == dense)
    }
  }

  @Test(arguments: ["W4A16", "NVFP4"]) func tunedIsTheSame(scheme: String) throws {
    try SourceTwins.with { twins in
      try twins.expectSameTunedRuns(
        scheme: scheme, storage: "fp8 (e4m3), a scale for each 20 x 48, read as bf16")
    }
  }

  @Test func aScaleForEachMatrixIsTheSame() throws {
    try SourceTwins.with(hasBlocks: false) { twins in
      let report = try twins.job(twins.quantized, to: "a").run()
      _ = try twins.job(twins.dense, to: "b").run()
      try twins.expectSame("a", "b")
      #expect(report.verification?.findings.map(\.message) == [])
      _ = try twins.job(twins.quantized, to: "c", isModelFree: true).run()
      _ = try twins.job(twins.dense, to: "d", isModelFree: true).run()
      try twins.expectSame("c", "d")
    }
  }

  @Test func roundedWithoutBeingRunIsTheSame() throws {
    try SourceTwins.with { twins in
      for (source, output) in [(twins.quantized, "a"), (twins.dense, "b")] {
        _ = try twins.job(source, to: output, isModelFree: true).run()
      }
      try twins.expectSame("a", "b")
    }
  }

  @Test func anUnfinishedRunIsContinued() throws {
    try SourceTwins.with { twins in
      let stopper = Stopper()
      #expect(throws: RunInterruption.self) {
        _ = try twins.job(twins.quantized, to: "a").run(observer: stopper)
      }
      let report = try twins.job(twins.quantized, to: "a").run()
      #expect(report.blocks.count == 2)
      _ = try twins.job(twins.dense, to: "b").run()
      try twins.expectSame("a", "b")
    }
  }

  @Test func damageIsFound() throws {
    try SourceTwins.with { twins in
      try twins.expectDamageIsFound()
    }
  }

  /// Published kinds, by the names and shapes of their tensors.
  @Test(arguments: ["gpt_oss-mxfp4", "deepseek_v3-fp8"])
  func publishedKindsAreRoundedWithoutBeingRun(model: String) throws {
    try withTemporaryFolder { folder in
      let source = Fixtures.folder.appending(path: "models/\(model)")
      let output = folder.appending(path: "out")
      let options = try ResolvedOptions(
        overrides: OptionOverrides(scheme: "W8A16") {
          $0.isModelFree = true
          $0.groupSize = 4
        })
      let job = QuantizationJob(
        model: source, modifier: AutoRoundModifier(options), output: output)
      let report = try job.run()
      let damage = try #require(report.verification).findings.filter { $0.kind == .damage }
      #expect(damage.map(\.message) == [])
      let checkpoint = try Checkpoint(opening: output)
      #expect(checkpoint.made == nil)
      #expect(
        checkpoint.configuration["quantization_config"]?["quant_method"] == "compressed-tensors")
      // Those of GPT-OSS are quantized, which the verification has compared with the source by its own rule; those of
      // DeepSeek are so small that they stay, as numbers.
      let oracle = try SafetensorsFile(opening: source.appending(path: "oracle.safetensors"))
      let kept = oracle.entries.map(\.name).filter {
        $0.hasPrefix("widened.") && checkpoint.contains(String($0.dropFirst("widened.".count)))
      }
      for name in kept {
        let found = try checkpoint.tensor(String(name.dropFirst("widened.".count)))
        #expect(try found.floats() == oracle.tensor(name).floats())
      }
      let isQuantized = checkpoint.contains("model.layers.0.mlp.experts.0.down_proj.weight_packed")
      #expect(isQuantized == (model == "gpt_oss-mxfp4"))
      #expect(kept.isEmpty == isQuantized)
    }
  }

  @Test func inspectSaysWhatIsStored() throws {
    try SourceTwins.with { twins in
      let summary = try CheckpointSummary(opening: twins.quantized)
      let quantization = try #require(summary.quantization)
      #expect(quantization.method == "fp8")
      #expect(quantization.readAs == .bfloat16)
      #expect(quantization.groups.map(\.layerCount) == [14])
      let dense = try CheckpointSummary(opening: twins.dense)
      #expect(summary.parameterCount == dense.parameterCount)
      let stored = try Checkpoint(opening: twins.quantized).storedTensors
      #expect(summary.byteCount == stored.reduce(0) { $0 + $1.byteCount })
      #expect(summary.structure?.blockCount == 2)
    }
  }
}

/// A small model whose projections are in e4m3 with scales of blocks, and the same in bf16.
extension SourceTwins {
  /// Blocks that divide neither rows nor columns of all layers.
  fileprivate static let block = (rows: 20, columns: 48)

  /// - Parameter hasBlocks: Whether each block has a scale, and not each matrix.
  fileprivate static func with(hasBlocks: Bool = true, _ body: (SourceTwins) throws -> Void) throws
  {
    try withTemporaryFolder { folder in
      let twins = SourceTwins(folder: folder)
      try twins.write(hasBlocks: hasBlocks)
      try body(twins)
    }
  }

  private func write(hasBlocks: Bool) throws {
    let original = Fixtures.folder.appending(path: "models/llama")
    let checkpoint = try Checkpoint(opening: original)
    var (small, dense): ([String: Tensor], [String: Tensor]) = ([:], [:])
    for name in checkpoint.tensorNames {
      let tensor = try checkpoint.tensor(name).converted(to: .bfloat16)
      guard name.hasSuffix("_proj.weight") else {
        (small[name], dense[name]) = (tensor, tensor)
        continue
      }
      let shape = (rows: tensor.shape[0], columns: tensor.shape[1])
      let (codes, scales, numbers) = Self.rounded(tensor, hasBlocks ? Self.block : shape)
      small[name] = codes
      if hasBlocks {
        small[name + "_scale_inv"] = scales
      } else {
        small[name + "_scale"] = scales.reshaped([])
        small[name.replacing("weight", with: "input_scale")] = Tensor([0.5], shape: [])
      }
      dense[name] = numbers
    }
    var configuration = try JSONValue.parse(
      contentsOf: original.appending(path: "config.json"))
    configuration.set("dtype", "bfloat16")
    try Self.write(dense, configuration, to: self.dense)
    let sizes: JSONValue = [JSONValue(Self.block.rows), JSONValue(Self.block.columns)]
    configuration.set(
      "quantization_config",
      [
        "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
        "weight_block_size": hasBlocks ? sizes : .null,
      ])
    try Self.write(small, configuration, to: quantized)
    try FamilyRun.writeRecords(to: data, vocabulary: 256)
  }

  private static func write(
    _ tensors: [String: Tensor], _ configuration: JSONValue, to folder: URL
  ) throws {
    try write(
      tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, configuration, to: folder)
    try FileManager.default.copyItem(
      at: Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"),
      to: folder.appending(path: "tokenizer.json"))
  }

  /// The nearest codes, scales by which the largest of a block becomes 448, and what both stand for.
  private static func rounded(
    _ weight: Tensor, _ block: (rows: Int, columns: Int)
  ) -> (codes: Tensor, scales: Tensor, numbers: Tensor) {
    let (rows, columns) = (weight.shape[0], weight.shape[1])
    let shape = [
      (rows + block.rows - 1) / block.rows, (columns + block.columns - 1) / block.columns,
    ]
    let elements = weight.floats()
    func place(_ index: Int) -> Int {
      index / columns / block.rows * shape[1] + index % columns / block.columns
    }
    var scales = Array(repeating: Float(0), count: shape[0] * shape[1])
    for (index, element) in elements.enumerated() {
      scales[place(index)] = max(scales[place(index)], element.magnitude / 448)
    }
    let divided = elements.enumerated().map { $0.element / scales[place($0.offset)] }
    var codes = Array(repeating: UInt8(0), count: elements.count)
    ck_f32_to_e4m3(divided, &codes, codes.count)
    var numbers = divided
    ck_e4m3_to_f32(codes, &numbers, codes.count)
    for index in numbers.indices { numbers[index] *= scales[place(index)] }
    return (
      Tensor(codes, shape: weight.shape, dtype: .float8E4M3), Tensor(scales, shape: shape),
      Tensor(numbers, shape: weight.shape).converted(to: .bfloat16)
    )
  }
}
