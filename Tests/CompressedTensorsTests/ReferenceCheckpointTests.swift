import Checkpoints
import CompressedTensors
import Diagnostics
import Foundation
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// Reads checkpoints that other tools wrote and writes the same bytes again.
@Suite struct ReferenceCheckpointTests {
  static let names = [
    "w2a16", "w3a16", "w4a16", "w8a16", "w4a16_asym", "mixed_w2_w4",
    "w8a8_int8", "fp8_dynamic", "fp8_static", "fp8_block", "mxfp4", "mxfp8", "nvfp4",
    "w4a16_kv_fp8",
  ]

  private func folder(_ name: String) -> URL {
    Fixtures.folder.appending(path: "formats/\(name)")
  }

  private func configuration(_ name: String) throws -> JSONReader {
    let file = folder(name).appending(path: "config.json")
    return try JSONReader(.parse(contentsOf: file)).required("quantization_config")
  }

  /// The linear layers of the tiny model that all checkpoints hold.
  static let modules: [ModuleDescription] = {
    var modules = [
      ModuleDescription(name: "model.embed_tokens", className: "Embedding", shape: [256, 128])
    ]
    for layer in 0..<2 {
      for (name, rows, columns) in [
        ("self_attn.q_proj", 128, 128), ("self_attn.k_proj", 64, 128),
        ("self_attn.v_proj", 64, 128), ("self_attn.o_proj", 128, 128),
        ("mlp.gate_proj", 256, 128), ("mlp.up_proj", 256, 128), ("mlp.down_proj", 128, 256),
      ] {
        modules.append(
          ModuleDescription(name: "model.layers.\(layer).\(name)", shape: [rows, columns]))
      }
    }
    modules.append(ModuleDescription(name: "lm_head", shape: [256, 128]))
    return modules
  }()

  private func resolve(_ configuration: CompressedTensorsConfiguration) throws -> SchemeResolution {
    let groups = configuration.groups.enumerated().map { ("group_\($0.offset)", $0.element) }
    return try .resolve(groups: groups, ignore: configuration.ignore, modules: Self.modules)
  }

  @Test(arguments: names) func configurationComesBack(_ name: String) throws {
    let fields = try configuration(name)
    let decoded = try CompressedTensorsConfiguration(fields: fields)
    #expect(decoded.json == fields.value)
    // And once more from the schemes that the layers got.
    let resolution = try resolve(decoded)
    var rebuilt = CompressedTensorsConfiguration(
      schemes: resolution.schemes, modules: Self.modules)
    rebuilt.keyValueCacheScheme = decoded.keyValueCacheScheme
    #expect(rebuilt.json == fields.value)
    #expect(resolution.unmatchedIgnores.isEmpty)
  }

  @Test(arguments: names) func weightsComeBack(_ name: String) throws {
    let file = try SafetensorsFile(opening: folder(name).appending(path: "model.safetensors"))
    let decoded = try CompressedTensorsConfiguration(fields: try configuration(name))
    let schemes = try resolve(decoded).schemes
    #expect(schemes.count == (name == "fp8_block" ? 10 : 14))
    for (module, scheme) in schemes {
      let arguments = try #require(scheme.weights)
      let layout = try scheme.resolvedFormat.encoding()
      let weight = try layout.weight(named: module, arguments: arguments) {
        name throws(InputError) in try file.tensor(name)
      }
      let tensors = layout.tensors(for: weight, name: module)
      let planned = try layout.plannedTensors(
        for: module, rows: weight.rows, columns: weight.columns, arguments: arguments,
        scaleDType: .bfloat16)
      #expect(planned.map(\.name).sorted() == tensors.map(\.name).sorted())
      for plan in planned {
        let tensor = try #require(tensors.first { $0.name == plan.name }?.tensor)
        #expect(tensor.dtype == plan.dtype && tensor.shape == plan.shape, "\(plan.name)")
      }
      for (name, tensor) in tensors {
        expectIdentical(tensor, try file.tensor(name), name)
      }
      let description = try #require(Self.modules.first { $0.name == module })
      #expect([weight.rows, weight.columns] == description.shape)
    }
  }

  @Test(arguments: names) func dequantizesAsReference(_ name: String) throws {
    let file = try SafetensorsFile(opening: folder(name).appending(path: "model.safetensors"))
    let expected = try SafetensorsFile(
      opening: folder(name).appending(path: "expected.safetensors"))
    let schemes = try resolve(
      CompressedTensorsConfiguration(fields: try configuration(name))
    ).schemes
    var compared = 0
    for (module, scheme) in schemes {
      let oracle = "dequant.\(module).weight.rows0_8"
      guard expected.entry(oracle) != nil, let arguments = scheme.weights else { continue }
      let weight = try scheme.resolvedFormat.encoding().weight(named: module, arguments: arguments)
      {
        name throws(InputError) in try file.tensor(name)
      }
      expectClose(
        weight.dequantized(to: .bfloat16).slice(0..<8), try expected.tensor(oracle), .exact, oracle)
      compared += 1
    }
    // Two checkpoints came without these rows; their logits are compared elsewhere.
    #expect(compared == (["fp8_block", "mxfp8"].contains(name) ? 0 : 2))
  }
}
