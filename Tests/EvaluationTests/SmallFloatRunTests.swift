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
  /// A small model whose projections are in e4m3 with scales of blocks, and the same in bf16.
  private struct Twins {
    let folder: URL
    var small: URL { folder.appending(path: "small") }
    var dense: URL { folder.appending(path: "dense") }
    var data: URL { folder.appending(path: "data.jsonl") }

    /// Blocks that divide neither rows nor columns of all layers.
    private static let block = (rows: 20, columns: 48)

    /// - Parameter hasBlocks: Whether each block has a scale, and not each matrix.
    static func with(hasBlocks: Bool = true, _ body: (Twins) throws -> Void) throws {
      try withTemporaryFolder { folder in
        let twins = Twins(folder: folder)
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
      try write(dense, configuration, to: self.dense)
      let sizes: JSONValue = [JSONValue(Self.block.rows), JSONValue(Self.block.columns)]
      configuration.set(
        "quantization_config",
        [
          "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
          "weight_block_size": hasBlocks ? sizes : .null,
        ])
      try write(small, configuration, to: self.small)
      try FamilyRun.writeRecords(to: data, vocabulary: 256)
    }

    private func write(
      _ tensors: [String: Tensor], _ configuration: JSONValue, to folder: URL
    ) throws {
      let writer = try CheckpointWriter(
        output: folder,
        tensors: tensors.sorted { $0.key < $1.key }.map {
          TensorInfo(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
        }, sources: [], overwrite: false)
      for (name, tensor) in tensors { try writer.write(tensor, named: name) }
      try writer.write(configuration.text(), toFile: "config.json")
      try writer.copyFile(
        Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"))
      try writer.finish()
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

    func job(
      _ source: URL, to output: String, scheme: String = "W4A16", ignore: [String] = ["lm_head"],
      isModelFree: Bool = false
    ) throws -> QuantizationJob {
      let options = try ResolvedOptions(
        overrides: OptionOverrides(scheme: scheme) {
          $0.iterations = isModelFree ? 0 : 3
          $0.isModelFree = isModelFree ? true : nil
          $0.sampleCount = 4
          $0.sequenceLength = 24
          $0.groupSize = scheme == "W4A16" ? 16 : nil
        }, recipe: AutoRoundOptions(ignore: ignore))
      var job = QuantizationJob(
        model: source, modifier: AutoRoundModifier(options),
        output: folder.appending(path: output))
      job.compute = .float32
      job.reporting.heldOutTokenCount = 48
      job.dataset = try CalibrationSource(file: data)
      return job
    }

    /// Checks that two checkpoints have the same tensors and configurations.
    func expectSame(_ first: String, _ second: String) throws {
      for name in ["model.safetensors", "config.json"] {
        let files = try [first, second].map {
          try Data(contentsOf: folder.appending(path: "\($0)/\(name)"))
        }
        #expect(files[0] == files[1], "\(name) of \(first) and \(second)")
      }
    }
  }

  @Test func logitsAreThoseOfTheNumbers() throws {
    try Twins.with { twins in
      let windows = TinyCheckpoint.windows(2, tokens: 16, seed: 3)
      let (small, dense) = (
        try TinyCheckpoint.logits(of: twins.small, windows),
        try TinyCheckpoint.logits(of: twins.dense, windows)
      )
      #expect(small == dense)
    }
  }

  @Test(arguments: ["W4A16", "NVFP4"]) func tunedIsTheSame(scheme: String) throws {
    try Twins.with { twins in
      // One of the layers is not quantized: its numbers are written.
      let ignore = ["lm_head", "re:.*0.mlp.down_proj"]
      let job = try twins.job(twins.small, to: "a", scheme: scheme, ignore: ignore)
      let plan = try job.plan(measuresTime: false)
      #expect(
        plan.sourceStorage == "fp8 (e4m3), a scale for each 20 x 48, read as bf16")
      let report = try job.run()
      _ = try twins.job(twins.dense, to: "b", scheme: scheme, ignore: ignore).run()
      try twins.expectSame("a", "b")
      #expect(report.verification?.findings.map(\.message) == [])
      let output = twins.folder.appending(path: "a")
      for file in plan.files {
        let size = try FileManager.default.attributesOfItem(
          atPath: output.appending(path: file.name).path)[.size]
        #expect(size as? Int == file.byteCount, "\(file.name)")
      }
      let kept = "model.layers.0.mlp.down_proj.weight"
      let (copy, dense) = (
        try Checkpoint(opening: output).tensor(kept),
        try Checkpoint(opening: twins.dense).tensor(kept)
      )
      #expect(copy == dense)
      for name in ["README.md", "quantization_report.json"] {
        let text = try String(contentsOf: output.appending(path: name), encoding: .utf8)
        #expect(text.contains("fp8 (e4m3), a scale for each 20 x 48, read as bf16"), "\(name)")
      }
    }
  }

  @Test func aScaleForEachMatrixIsTheSame() throws {
    try Twins.with(hasBlocks: false) { twins in
      let report = try twins.job(twins.small, to: "a").run()
      _ = try twins.job(twins.dense, to: "b").run()
      try twins.expectSame("a", "b")
      #expect(report.verification?.findings.map(\.message) == [])
      _ = try twins.job(twins.small, to: "c", isModelFree: true).run()
      _ = try twins.job(twins.dense, to: "d", isModelFree: true).run()
      try twins.expectSame("c", "d")
    }
  }

  @Test func roundedWithoutBeingRunIsTheSame() throws {
    try Twins.with { twins in
      for (source, output) in [(twins.small, "a"), (twins.dense, "b")] {
        _ = try twins.job(source, to: output, isModelFree: true).run()
      }
      try twins.expectSame("a", "b")
    }
  }

  @Test func anUnfinishedRunIsContinued() throws {
    try Twins.with { twins in
      let stopper = Stopper()
      #expect(throws: RunInterruption.self) {
        _ = try twins.job(twins.small, to: "a").run(observer: stopper)
      }
      let report = try twins.job(twins.small, to: "a").run()
      #expect(report.blocks.count == 2)
      _ = try twins.job(twins.dense, to: "b").run()
      try twins.expectSame("a", "b")
    }
  }

  /// What is compared is what is written: another number is found, of a copy and of a quantized layer.
  @Test func damageIsFound() throws {
    try Twins.with { twins in
      let job = try twins.job(
        twins.small, to: "a", ignore: ["lm_head", "re:.*0.mlp.down_proj"], isModelFree: true)
      _ = try job.run()
      let output = twins.folder.appending(path: "a")
      let file = output.appending(path: "model.safetensors")
      let entries = try SafetensorsFile(opening: file).entries
      let whole = try Data(contentsOf: file)
      #expect(Verifier(output, source: twins.small).run().findings.map(\.message) == [])
      for name in ["0.mlp.down_proj.weight", "1.mlp.down_proj.weight_packed"] {
        var bytes = whole
        let entry = try #require(entries.first { $0.name == "model.layers.\(name)" })
        for index in entry.byteRange.prefix(64) { bytes[index] ^= 0x7F }
        try bytes.write(to: file)
        let findings = Verifier(output, source: twins.small).run().findings
        let messages = findings.filter { $0.place.contains(name.split(separator: "_")[0]) }
          .map(\.message)
        #expect(
          messages.contains { $0.contains("differs from the source") || $0.contains("group 0") },
          "\(findings)")
      }
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
    try Twins.with { twins in
      let summary = try CheckpointSummary(opening: twins.small)
      let quantization = try #require(summary.quantization)
      #expect(quantization.method == "fp8")
      #expect(quantization.readAs == .bfloat16)
      #expect(quantization.groups.map(\.layerCount) == [14])
      let dense = try CheckpointSummary(opening: twins.dense)
      #expect(summary.parameterCount == dense.parameterCount)
      let stored = try Checkpoint(opening: twins.small).storedTensors
      #expect(summary.byteCount == stored.reduce(0) { $0 + $1.byteCount })
      #expect(summary.structure?.blockCount == 2)
    }
  }
}
