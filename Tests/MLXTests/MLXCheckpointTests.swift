import Checkpoints
import Diagnostics
import Foundation
import JSONText
import MLX
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// A checkpoint that auto_round wrote: read to its numbers, and written again.
@Suite struct MLXCheckpointTests {
  private static let folder = Fixtures.folder.appending(path: "formats/mlx_w4_asym")

  private func open() throws -> DequantizedCheckpoint {
    let checkpoint = try Checkpoint(opening: Self.folder)
    let fields = try JSONReader(checkpoint.configuration).required(MLX.key)
    #expect(MLX.isMeant(by: fields))
    return try DequantizedCheckpoint(checkpoint, fields, of: MLX(), modules: nil)
  }

  /// The linear layers and the embedding, in the model's order.
  private static let modules: [ModuleDescription] =
    [ModuleDescription(name: "model.embed_tokens", className: "Embedding", shape: [256, 128])]
    + (0..<2).flatMap { block in
      [
        ("self_attn.q_proj", [128, 128]), ("self_attn.k_proj", [64, 128]),
        ("self_attn.v_proj", [64, 128]), ("self_attn.o_proj", [128, 128]),
        ("mlp.gate_proj", [256, 128]), ("mlp.up_proj", [256, 128]), ("mlp.down_proj", [128, 256]),
      ].map { ModuleDescription(name: "model.layers.\(block).\($0.0)", shape: $0.1) }
    } + [ModuleDescription(name: "lm_head", shape: [256, 128])]

  @Test func numbersAreThoseOfTheReference() throws {
    let quantized = try open()
    #expect(quantized.schemes.count == 14)
    let expected = try SafetensorsFile(
      opening: Self.folder.appending(path: "expected.safetensors"))
    for layer in ["model.layers.0.self_attn.k_proj", "model.layers.1.mlp.down_proj"] {
      let rows = try expected.tensor("dequant.\(layer).weight.rows0_8")
      let weight = try quantized.weight(named: "\(layer).weight")
      #expect(weight.dtype == .float32)
      #expect(weight.slice(0..<8) == rows, "\(layer)")
    }
  }

  @Test func isWrittenAgainBitForBit() throws {
    let quantized = try open()
    let checkpoint = quantized.checkpoint
    let layers = Self.modules.filter { quantized.schemes[$0.name] != nil }
    #expect(layers.count == 14)
    let kept = checkpoint.tensorNames.compactMap(checkpoint.info).filter {
      !quantized.family.owners(of: $0).contains { quantized.schemes[$0] != nil }
    }
    #expect(kept.count == 7)
    let plain =
      layers.map { TensorInfo(name: "\($0.name).weight", dtype: .float16, shape: $0.shape) } + kept
    let configuration = checkpoint.configuration.removing(MLX.key).removing("quantization_config")
    let outline = try MLX.family(of: quantized.schemes).outline(
      of: configuration, tensors: plain, modules: Self.modules, schemes: quantized.schemes,
      keyValues: nil)
    #expect(outline.fileFormat == "mlx")
    #expect(Set(outline.tensors.map(\.name)) == Set(checkpoint.tensorNames))
    for tensor in outline.tensors { #expect(checkpoint.info(tensor.name) == tensor) }
    var compared = 0
    for layer in layers {
      let scheme = try #require(quantized.schemes[layer.name])
      let weight = try quantized.quantizedWeight(of: layer.name)
      for (name, tensor) in try MLX().encoding(of: scheme).tensors(for: weight, name: layer.name) {
        let stored = try checkpoint.tensor(name)
        #expect(tensor.dtype == stored.dtype, "\(name)")
        let (found, expected) = (
          tensor.withUnsafeBytes { Array($0) }, stored.withUnsafeBytes { Array($0) }
        )
        #expect(found == expected, "\(name)")
        compared += 1
      }
    }
    #expect(compared == 42)
    // The reference repeats bits and groups for each layer; what is said is the same.
    let (written, original) = (
      try #require(outline.configuration[MLX.key]),
      try #require(checkpoint.configuration[MLX.key])
    )
    #expect(
      written == [
        "group_size": 32, "bits": 4, "model.embed_tokens": false, "lm_head": false,
      ])
    #expect(outline.configuration["quantization_config"] == written)
    for key in ["group_size", "bits", "model.embed_tokens", "lm_head"] {
      #expect(written[key] == original[key])
    }
  }
}
