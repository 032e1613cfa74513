import Checkpoints
import Diagnostics
import Foundation
import GPTQ
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// Reads checkpoints that auto-round wrote and writes them again.
@Suite struct ReferenceCheckpointTests {
  static let names = [
    "gptq_w4_asym", "awq_w4_asym", "auto_round_w4", "auto_round_w3", "auto_round_w2_asym",
  ]

  private struct Reference {
    let file: SafetensorsFile
    let configuration: JSONValue
    let family: GPTQ
    let schemes: [String: QuantizationScheme]

    init(_ name: String) throws {
      let folder = Fixtures.folder.appending(path: "formats/\(name)")
      file = try SafetensorsFile(opening: folder.appending(path: "model.safetensors"))
      configuration = try .parse(contentsOf: folder.appending(path: "config.json"))
      let fields = try JSONReader(configuration).required("quantization_config")
      family = try #require(try GPTQ(fields))
      let stored = try family.storedSchemes(
        fields,
        tensors: [TensorInfo(name: "lm_head.weight", dtype: .bfloat16, shape: [256, 128])])
      schemes = try stored.schemes(of: ReferenceCheckpointTests.modules)
    }

    func weight(
      _ layer: String, _ scheme: QuantizationScheme
    ) throws -> QuantizedWeight {
      let arguments = try #require(scheme.weights)
      return try family.encoding(of: scheme).weight(named: layer, arguments: arguments) {
        name throws(InputError) in try file.tensor(name)
      }
    }
  }

  /// The linear layers of the tiny model that all checkpoints hold.
  static let modules: [ModuleDescription] =
    (0..<2).flatMap { block in
      [
        ("self_attn.q_proj", 128, 128), ("self_attn.k_proj", 64, 128),
        ("self_attn.v_proj", 64, 128), ("self_attn.o_proj", 128, 128),
        ("mlp.gate_proj", 256, 128), ("mlp.up_proj", 256, 128), ("mlp.down_proj", 128, 256),
      ].map { name, rows, columns in
        ModuleDescription(name: "model.layers.\(block).\(name)", shape: [rows, columns])
      }
    } + [ModuleDescription(name: "lm_head", shape: [256, 128])]

  static let method: [String: GPTQ.Method] = [
    "gptq_w4_asym": .gptq, "awq_w4_asym": .awq, "auto_round_w4": .autoRound,
    "auto_round_w3": .autoRound, "auto_round_w2_asym": .autoRound,
  ]

  @Test(arguments: names) func weightsComeBack(_ name: String) throws {
    let reference = try Reference(name)
    #expect(reference.schemes.count == 14)
    var compared = 0
    for (layer, scheme) in reference.schemes {
      let weight = try reference.weight(layer, scheme)
      let encoding = try reference.family.encoding(of: scheme)
      try encoding.requireHolds(weight, name: layer)
      let planned = try encoding.plannedTensors(
        for: layer, rows: weight.rows, columns: weight.columns, arguments: weight.arguments,
        scaleDType: .bfloat16)
      let tensors = encoding.tensors(for: weight, name: layer)
      #expect(tensors.count == (name == "gptq_w4_asym" ? 4 : 3))
      #expect(
        tensors.map { TensorInfo(name: $0.0, dtype: $0.1.dtype, shape: $0.1.shape) } == planned)
      for (name, tensor) in tensors {
        expectIdentical(tensor, try reference.file.tensor(name), name)
        compared += 1
      }
    }
    // All tensors of the file but the embedding, the head and five norms.
    #expect(compared == reference.file.entries.count - 7)
  }

  /// What auto-round writes besides, of how it tuned and of what no loader reads.
  private static let unwritten: Set = [
    "autoround_version", "damp_percent", "iters", "lr", "minmax_lr", "provider",
    "static_attention_granularity", "static_kv_granularity", "to_quant_block_names",
  ]

  @Test(arguments: names) func configurationComesBack(_ name: String) throws {
    let reference = try Reference(name)
    let written = try GPTQ.family(try #require(Self.method[name]), of: reference.schemes)
    let outline = try written.outline(
      of: reference.configuration,
      tensors: Self.modules.map {
        TensorInfo(name: "\($0.name).weight", dtype: .bfloat16, shape: $0.shape)
      },
      modules: Self.modules, schemes: reference.schemes, keyValues: nil)
    let fields = try #require(reference.configuration["quantization_config"]?.objectValue)
    let expected = fields.filter { !Self.unwritten.contains($0.key) }
    let found = try #require(outline.configuration["quantization_config"]?.objectValue)
    let added = found.filter { member in !expected.contains { $0.key == member.key } }
    let same = found.filter { member in !added.contains { $0.key == member.key } }
    #expect(JSONValue.object(same) == .object(expected))
    // Asymmetric weights of GPTQ have zero points as they are.
    #expect(added.map(\.key) == (name == "gptq_w4_asym" ? ["checkpoint_format"] : []))
    #expect(outline.documents.map(\.name) == ["config.json", "quantization_config.json"])
    #expect(outline.copies.map(\.source) == ["lm_head.weight"])
    for info in outline.tensors where info.name != "lm_head.weight" {
      let entry = try reference.file.tensor(info.name)
      #expect(info.dtype == entry.dtype && info.shape == entry.shape, "\(info.name)")
    }
    #expect(outline.tensors.count == 14 * (name == "gptq_w4_asym" ? 4 : 3) + 1)
  }

  /// Asymmetric weights that were read from GPTQ's first format are written in its second, and are the same weights.
  @Test func zeroPointsOfGPTQChangeTheirFormat() throws {
    let reference = try Reference("gptq_w4_asym")
    let written = try GPTQ.family(.gptq, of: reference.schemes)
    var compared = 0
    for (layer, scheme) in reference.schemes {
      let weight = try reference.weight(layer, scheme)
      let encoding = try written.encoding(of: scheme)
      let tensors = Dictionary(
        uniqueKeysWithValues: encoding.tensors(for: weight, name: layer).map { ($0.0, $0.1) })
      let back = try encoding.weight(named: layer, arguments: weight.arguments) { tensors[$0] }
      #expect(back == weight)
      for part in ["qweight", "scales", "g_idx"] {
        let name = "\(layer).\(part)"
        expectIdentical(try #require(tensors[name]), try reference.file.tensor(name), name)
        compared += 1
      }
      // Each nibble is one more, and none overflows.
      let first = try reference.file.tensor("\(layer).qzeros").elements(as: Int32.self)
      let second = try #require(tensors["\(layer).qzeros"]).elements(as: Int32.self)
      #expect(second == first.map { $0 &+ 0x1111_1111 })
    }
    #expect(compared == 42)
  }
}
