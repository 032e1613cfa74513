import AutoRound
import Checkpoints
import Foundation
import JSONText
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing
import Verification

/// What is made of layers that are not tensors of their own: of weights with a row for each input, and of stacks.
@Suite struct SplitLayersTests {
  @Test func transposedWeightsAreComparedWithTheirSource() throws {
    try withTemporaryFolder { folder in
      let run = try FamilyRun("gpt2", scheme: "W4A16", ignore: ["re:.*h.1.attn.*"], in: folder)
      let plan = try run.job.plan(measuresTime: false)
      let report = try run.job.run()
      #expect(plan.tensorByteCount == report.outputByteCount)
      let layer = "transformer.h.0.mlp.c_fc"
      #expect(plan.layers.first { $0.name == layer }?.shape == [256, 64])
      let (source, output) = (
        try Checkpoint(opening: run.source), try Checkpoint(opening: run.output)
      )
      #expect(try output.tensor("\(layer).weight_shape").elements(as: Int64.self) == [256, 64])
      // A layer that stays is as it was.
      let kept = "transformer.h.1.attn.c_attn.weight"
      #expect(try output.tensor(kept) == source.tensor(kept))
      #expect(Verifier(run.output, source: run.source).run().findings.isEmpty)
      let difference = try CheckpointDifference.between(run.source, run.output)
      let entry = try #require(difference.entries.first { $0.name == "\(layer).weight" })
      #expect(try #require(entry.error).relativeError < 0.2)
      expectInputError(.unsupported, mentioning: ["transformer.h.", "rows for columns"]) {
        try CheckpointConversion(
          checkpoint: run.output, formats: [ConversionFormat(named: "dense")],
          output: folder.appending(path: "dense")
        ).run()
      }

      // A source with one row of a weight changed, which is a column of the layer, is not that of the copy.
      let file = run.source.appending(path: "model.safetensors")
      var bytes = try Data(contentsOf: file)
      let range = try #require(
        SafetensorsFile(opening: file).entry("\(layer).weight")
      ).byteRange
      let row = range.lowerBound + 5 * 256 * 4
      bytes.replaceSubrange(
        row..<row + 256 * 4, with: [Float](repeating: 9, count: 256).withUnsafeBytes { Data($0) })
      try bytes.write(to: file)
      let findings = Verifier(run.output, source: run.source).run().findings
      #expect(findings.map(\.place) == ["\(layer).weight"], "\(findings)")
      #expect(findings.first?.message.hasPrefix("row 0, group 0") == true, "\(findings)")
    }
  }

  // MARK: Stacks of a family that nobody knows

  private static let (experts, width, hidden) = (3, 32, 64)

  /// The experts' matrices, `[rows, columns]`, and the tensor and member that has each as a part.
  private func parts(
    _ stacks: [String: Tensor], isTransposed: Bool
  ) -> [(name: String, matrix: [[Float]])] {
    func matrix(_ stack: String, _ expert: Int, _ rows: Range<Int>) -> [[Float]] {
      guard let tensor = stacks[stack] else { return [] }
      let (size, all) = (tensor.shape[1] * tensor.shape[2], tensor.floats())
      let member = Array(all[expert * size..<(expert + 1) * size])
      let (lines, length) = (tensor.shape[1], tensor.shape[2])
      return rows.map { row in
        isTransposed
          ? (0..<lines).map { member[$0 * length + row] }
          : Array(member[row * length..<(row + 1) * length])
      }
    }
    let (width, hidden) = (Self.width, Self.hidden)
    return (0..<Self.experts).flatMap { expert in
      [
        ("\(expert).gate_proj", matrix("gate_up_proj", expert, 0..<width)),
        ("\(expert).up_proj", matrix("gate_up_proj", expert, width..<2 * width)),
        ("\(expert).down_proj", matrix("down_proj", expert, 0..<hidden)),
      ]
    }
  }

  private static let module = "model.layers.0.mlp.experts"

  /// Writes a model of a family that nobody knows, and gives its stacks.
  private func writeModel(_ folder: URL, isTransposed: Bool) throws -> [String: Tensor] {
    var generator = SeededGenerator(seed: 8)
    let (width, hidden) = (Self.width, Self.hidden)
    func stack(_ rows: Int, _ columns: Int) -> Tensor {
      generator.tensor(
        [Self.experts] + (isTransposed ? [columns, rows] : [rows, columns]), dtype: .bfloat16)
    }
    let stacks = ["gate_up_proj": stack(2 * width, hidden), "down_proj": stack(hidden, width)]
    let others = [
      "model.embed_tokens.weight": [96, hidden],
      "model.layers.0.self_attn.o_proj.weight": [64, 64],
      "model.layers.0.mlp.gate.weight": [32, 64], "lm_head.weight": [96, hidden],
      "model.layers.0.linear_attn.in_proj_a.weight": [32, 64],
      "model.visual.blocks.0.mlp.fc1.weight": [32, 32],
      "mtp.fc.weight": [32, 32],
    ].mapValues { generator.tensor($0, dtype: .bfloat16) }
    let tensors = others.merging(stacks.map { ("\(Self.module).\($0)", $1) }) { $1 }
      .sorted { $0.key < $1.key }
    let writer = try CheckpointWriter(
      output: folder,
      tensors: tensors.map { TensorInfo(name: $0, dtype: $1.dtype, shape: $1.shape) },
      sources: [], overwrite: false)
    for (name, tensor) in tensors { try writer.write(tensor, named: name) }
    let configuration: JSONValue = [
      "architectures": ["NewForCausalLM"], "model_type": "something-new", "num_hidden_layers": 1,
    ]
    try writer.write(configuration.text(), toFile: "config.json")
    try writer.finish()
    return stacks
  }

  private func job(_ source: URL, ignore: [String], to output: URL) throws -> QuantizationJob {
    let options = try ResolvedOptions(
      overrides: OptionOverrides(scheme: "W4A16", ignore: ["lm_head"] + ignore) {
        $0.isModelFree = true
        $0.groupSize = 16
      })
    return QuantizationJob(model: source, modifier: AutoRoundModifier(options), output: output)
  }

  @Test(arguments: [false, true]) func stacksBecomeLayers(isTransposed: Bool) throws {
    try withTemporaryFolder { folder in
      let source = folder.appending(path: "source")
      let stacks = try writeModel(source, isTransposed: isTransposed)
      let output = folder.appending(path: "out")
      let job = try job(source, ignore: ["re:.*experts.1.*_proj"], to: output)
      let plan = try job.plan()
      let report = try job.run()
      #expect(plan.tensorByteCount == report.outputByteCount)
      #expect(report.verification?.findings == [], "\(report.verification?.findings ?? [])")
      let kept = Set(plan.keptTensors.map(\.name))
      #expect(plan.layers.count == 1 + 6)

      let quantized = try DequantizedCheckpoint(Checkpoint(opening: output))
      for (name, matrix) in parts(stacks, isTransposed: isTransposed) {
        let weight = try quantized.weight(named: "\(Self.module).\(name).weight")
        #expect(weight.shape == [matrix.count, matrix[0].count])
        let (numbers, wanted) = (weight.floats(), matrix.flatMap { $0 })
        if name.hasPrefix("1.") {
          #expect(numbers == wanted)
          #expect(kept.contains("\(Self.module).\(name).weight"))
          continue
        }
        let error = zip(numbers, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect((error / Float(wanted.count)).squareRoot() < 0.15, "\(name)")
      }
      for name in ["lm_head", "model.layers.0.mlp.gate", "model.layers.0.linear_attn.in_proj_a"]
        + ["model.visual.blocks.0.mlp.fc1", "mtp.fc"]
      {
        #expect(kept.contains("\(name).weight"))
      }
    }
  }

  /// A stack of which nothing is quantized stays a stack.
  @Test func stacksThatStayAreCopied() throws {
    try withTemporaryFolder { folder in
      let source = folder.appending(path: "source")
      let stacks = try writeModel(source, isTransposed: false)
      let output = folder.appending(path: "out")
      let report = try job(source, ignore: ["re:.*experts.*down_proj"], to: output).run()
      #expect(report.verification?.findings == [], "\(report.verification?.findings ?? [])")
      let checkpoint = try Checkpoint(opening: output)
      #expect(try checkpoint.tensor("\(Self.module).down_proj") == stacks["down_proj"])
      #expect(!checkpoint.contains("\(Self.module).gate_up_proj"))
    }
  }

  /// A stack whose member was changed after it was quantized is found.
  @Test func stacksAreComparedWithTheirSource() throws {
    try withTemporaryFolder { folder in
      let source = folder.appending(path: "source")
      _ = try writeModel(source, isTransposed: true)
      let output = folder.appending(path: "out")
      _ = try job(source, ignore: ["re:.*experts.1.*_proj"], to: output).run()
      let file = source.appending(path: "model.safetensors")
      let entry = try #require(
        SafetensorsFile(opening: file).entry("\(Self.module).gate_up_proj"))
      let original = try Data(contentsOf: file)
      // Of member 1, whose parts were copied, and of member 2, whose parts were quantized, the first column.
      let member = Self.hidden * 2 * Self.width * 2
      for (index, message) in [(1, "copy"), (2, "row 0, group 0")] {
        var bytes = original
        let place = entry.byteRange.lowerBound + index * member
        bytes.replaceSubrange(place..<place + 2, with: [0x80, 0x41])
        try bytes.write(to: file)
        let findings = Verifier(output, source: source).run().findings
        #expect(findings.map(\.place) == ["\(Self.module).\(index).gate_proj.weight"])
        #expect(findings.first?.message.contains(message) == true, "\(findings)")
      }
    }
  }
}
