import AutoRound
import Checkpoints
import Execution
import Foundation
import Inspection
import JSONText
import LanguageModels
import MLX
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing
import Verification

/// A copy of a model in the format of MLX: written, verified against its source, and read to the same logits as the copy
/// that compressed-tensors is.
@Suite struct MLXCopyTests {
  /// Rounds all layers, and the embedding if it is asked for, and writes them.
  private func write(
    _ source: URL, to output: URL, bitCount: Int, isSymmetric: Bool, withTable: Bool = false
  ) throws {
    let checkpoint = try Checkpoint(opening: source)
    let description = try ReadableModel(opening: source).description
    let weights = QuantizationArguments(
      bitCount: bitCount, isSymmetric: isSymmetric, strategy: .group, groupSize: 32)
    let scheme = QuantizationScheme(targets: ["Linear"], weights: weights)
    let layers = description.modules.filter {
      $0.isLinear ? $0.name != "lm_head" && !$0.name.hasSuffix(".gate") : withTable
    }
    let schemes = Dictionary(uniqueKeysWithValues: layers.map { ($0.name, scheme) })
    let family = try MLX.family(of: schemes)
    let outline = try family.outline(
      of: checkpoint.configuration, tensors: checkpoint.tensorNames.compactMap(checkpoint.info),
      modules: description.modules, schemes: schemes, keyValues: nil)
    let writer = try CheckpointWriter(
      output: output, tensors: outline.tensors, sources: [source], overwrite: false)
    for layer in layers {
      let weight = try checkpoint.tensor("\(layer.name).weight")
      let rounded = try weights.makeWeightQuantizer(
        for: weight, scaleDType: weight.dtype, globalScale: nil, isTuned: false
      ).finished()
      for (name, tensor) in try family.encoding(of: scheme).tensors(for: rounded, name: layer.name)
      {
        try writer.write(tensor, at: family.place(of: name))
      }
    }
    for copy in outline.copies { try writer.write(checkpoint.tensor(copy.source), at: copy.place) }
    for document in outline.documents { try writer.write(document.text, toFile: document.name) }
    try writer.finish()
  }

  @Test(arguments: [
    (2, true), (3, false), (4, true), (4, false), (5, true), (6, false), (8, false),
  ])
  func isSoundBesideItsSource(bitCount: Int, isSymmetric: Bool) throws {
    try TinyCheckpoint.withSource { source, folder in
      let output = folder.appending(path: "mlx")
      try write(source, to: output, bitCount: bitCount, isSymmetric: isSymmetric)
      let report = Verifier(output, source: source).run()
      #expect(report.findings == [])
      #expect(report.comparesSource && report.quantizedLayerCount == 14)
      let summary = try CheckpointSummary(opening: output)
      #expect(summary.quantization?.method == "mlx")
      #expect(
        summary.quantization?.groups.map(\.scheme) == [
          "\(bitCount)-bit int asymmetric, groups of 32"
        ])
      #expect(try CheckpointSummary(opening: source).parameterCount == summary.parameterCount)
      let difference = try CheckpointDifference.between(source, output)
      #expect(difference.changed.count == 14 && difference.entries.count == 21)
      // Another layer's numbers are found.
      var exchanged = try Data(contentsOf: output.appending(path: "model.safetensors"))
      let file = try SafetensorsFile(opening: output.appending(path: "model.safetensors"))
      let (first, second) = (
        try #require(file.entry("model.layers.0.mlp.up_proj.weight")).byteRange,
        try #require(file.entry("model.layers.0.mlp.gate_proj.weight")).byteRange
      )
      exchanged.replaceSubrange(first, with: exchanged[second])
      try exchanged.write(to: output.appending(path: "model.safetensors"))
      let damaged = Verifier(output, source: source).run()
      #expect(damaged.findings.map(\.place) == ["model.layers.0.mlp.up_proj.weight"])
    }
  }

  /// Those of symmetric weights are the same numbers, whichever way they are stored.
  @Test func symmetricWeightsGiveTheLogitsOfTheirNumbers() throws {
    try TinyCheckpoint.withSource { source, folder in
      let (output, dense) = (folder.appending(path: "mlx"), folder.appending(path: "dense"))
      try write(source, to: output, bitCount: 4, isSymmetric: true)
      let windows = TinyCheckpoint.windows(2, tokens: 12, seed: 3)
      let found = try TinyCheckpoint.logits(of: output, windows)
      _ = try CheckpointConversion(
        checkpoint: output, formats: [ConversionFormat(named: "pack-quantized")], output: dense
      ).run()
      let converted = try TinyCheckpoint.logits(of: dense, windows)
      // Readers of compressed-tensors round each weight to bf16.
      expectClose(found, converted, Tolerance(absolute: 0.02))
      let plain = try TinyCheckpoint.logits(of: source, windows)
      #expect(found != plain)
      let quantized = try DequantizedCheckpoint(Checkpoint(opening: output))
      #expect(quantized.schemes.count == 14)
      for layer in quantized.schemes.keys {
        let weight = try quantized.quantizedWeight(of: layer)
        #expect(weight.biases == nil)
        #expect(weight.zeroPoints?.everySatisfies { $0 == 8 } == true)
      }
    }
  }

  @Test(arguments: [
    ("qwen3-moe", "mlp.experts.3.up_proj"), ("mixtral", "block_sparse_moe.experts.3.w2"),
  ])
  func expertsAreStacks(model: String, layer: String) throws {
    try withTemporaryFolder { folder in
      let source = Fixtures.folder.appending(path: "models/\(model)")
      let (output, other) = (folder.appending(path: "mlx"), folder.appending(path: "packed"))
      try write(source, to: output, bitCount: 8, isSymmetric: true)
      let quantized = try DequantizedCheckpoint(Checkpoint(opening: output))
      #expect(quantized.schemes["model.layers.0.\(layer)"] != nil)
      let names = quantized.checkpoint.tensorNames
      #expect(names.contains { $0.contains(".switch_mlp.down_proj.scales") })
      #expect(!names.contains { $0.contains(".experts.") })
      #expect(Verifier(output, source: source).run().findings == [])
      let sizes = try [source, output].map { try CheckpointSummary(opening: $0).parameterCount }
      #expect(sizes[0] == sizes[1])
      _ = try CheckpointConversion(
        checkpoint: output, formats: [ConversionFormat(named: "pack-quantized")], output: other
      ).run()
      let windows = [[1, 5, 20, 33, 47, 62, 80, 95]]
      expectClose(
        try TinyCheckpoint.logits(of: output, windows),
        try TinyCheckpoint.logits(of: other, windows), Tolerance(absolute: 1e-4))
    }
  }

  @Test func anEmbeddingMayBeQuantized() throws {
    try TinyCheckpoint.withSource { source, folder in
      let output = folder.appending(path: "mlx")
      try write(source, to: output, bitCount: 8, isSymmetric: false, withTable: true)
      #expect(Verifier(output, source: source).run().findings == [])
      let windows = TinyCheckpoint.windows(1, tokens: 8, seed: 5)
      let (found, plain) = try (
        TinyCheckpoint.logits(of: output, windows), TinyCheckpoint.logits(of: source, windows)
      )
      expectClose(found, plain, Tolerance(absolute: 0.1))
      #expect(try CheckpointSummary(opening: output).quantization?.groups.first?.layerCount == 15)
    }
  }

  /// Biases that no zero point gives are a reason not to store a layer in another format.
  @Test func biasesAreNotLostInAConversion() throws {
    try withTemporaryFolder { folder in
      let source = Fixtures.folder.appending(path: "formats/mlx_w4_asym")
      expectInputError(.unsupported, mentioning: ["biases", "model.layers.0.mlp.down_proj"]) {
        try CheckpointConversion(
          checkpoint: source, formats: [ConversionFormat(named: "pack-quantized")],
          output: folder.appending(path: "a")
        ).run()
      }
      let dense = folder.appending(path: "b")
      _ = try CheckpointConversion(
        checkpoint: source, formats: [ConversionFormat(named: "dense")], output: dense
      ).run()
      let configuration = try Checkpoint(opening: dense).configuration
      #expect(configuration["quantization"] == nil && configuration["quantization_config"] == nil)
    }
  }
}
