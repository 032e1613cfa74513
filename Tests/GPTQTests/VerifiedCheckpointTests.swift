import Checkpoints
import Diagnostics
import Foundation
import GPTQ
import JSONText
import LayoutSupport
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing
import Verification

/// What is written is what the verifier reads, which shares no code with the writers: all bits, zero points at both
/// ends, groups and rows, in one checkpoint of mixed layers for each method and symmetry.
@Suite struct VerifiedCheckpointTests {
  /// A model of one layer in each block, each in another scheme, with the numbers that they are to be.
  private struct Model {
    var configuration: JSONValue
    var tensors: [(name: String, tensor: Tensor)] = []
    var source: [(name: String, tensor: Tensor)] = []
    var documents: [(name: String, text: String)]

    /// - Parameters:
    ///   - sizes: Columns of groups; nil for rows.
    init(
      _ method: GPTQ.Method, isSymmetric: Bool, bitCounts: [Int], sizes: [Int?],
      shapes: [[Int]]
    ) throws {
      var generator = SeededGenerator(seed: 7)
      var schemes: [String: QuantizationScheme] = [:]
      var weights: [String: QuantizedWeight] = [:]
      var modules: [ModuleDescription] = []
      for bitCount in bitCounts {
        for size in sizes {
          for shape in shapes {
            let name = "model.layers.\(modules.count).mlp.down_proj"
            let arguments = QuantizationArguments(
              bitCount: bitCount, isSymmetric: isSymmetric,
              strategy: size == nil ? .channel : .group, groupSize: size)
            schemes[name] = QuantizationScheme(targets: ["Linear"], weights: arguments)
            weights[name] = try generator.quantizedWeight(
              shape[0], shape[1], arguments, scaleDType: .bfloat16)
            modules.append(ModuleDescription(name: name, shape: shape))
          }
        }
      }
      let kept = ["lm_head", "model.layers.0.mlp.gate"]
      modules += kept.map { ModuleDescription(name: $0, shape: [64, 64]) }
      let family = try GPTQ.family(method, of: schemes)
      let outline = try family.outline(
        of: ["architectures": ["X"], "model_type": "x"],
        tensors: modules.map {
          TensorInfo(name: "\($0.name).weight", dtype: .bfloat16, shape: $0.shape)
        }, modules: modules, schemes: schemes, keyValues: nil)
      (configuration, documents) = (outline.configuration, outline.documents)
      for name in kept {
        let tensor = generator.tensor([64, 64], dtype: .bfloat16)
        source.append(("\(name).weight", tensor))
        tensors.append(("\(name).weight", tensor))
      }
      for (name, weight) in weights.sorted(by: { $0.key < $1.key }) {
        let scheme = try #require(schemes[name])
        let encoding = try family.encoding(of: scheme)
        tensors += encoding.tensors(for: weight, name: name).map { ($0.0, $0.1) }
        source.append(("\(name).weight", weight.dequantized(to: .float32)))
      }
      #expect(outline.tensors.map(\.name).sorted() == tensors.map(\.name).sorted())
    }

    func write(to folder: URL) throws {
      let (original, copy) = (folder.appending(path: "source"), folder.appending(path: "copy"))
      for (folder, tensors) in [(original, source), (copy, tensors)] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Self.file(of: tensors).write(to: folder.appending(path: "model.safetensors"))
      }
      try Data(#"{"model_type": "x"}"#.utf8).write(to: original.appending(path: "config.json"))
      for document in documents {
        try Data(document.text.utf8).write(to: copy.appending(path: document.name))
      }
    }

    private static func file(of tensors: [(name: String, tensor: Tensor)]) -> Data {
      var (header, data) = ([JSONValue.Member](), Data())
      for (name, tensor) in tensors {
        let start = data.count
        tensor.withUnsafeBytes { data.append(contentsOf: $0) }
        header.append(
          JSONValue.Member(
            name,
            [
              "dtype": .string(tensor.dtype.safetensorsTag),
              "shape": .array(tensor.shape.map { JSONValue($0) }),
              "data_offsets": [JSONValue(start), JSONValue(data.count)],
            ]))
      }
      let json = Data(JSONValue.object(header).text().utf8)
      return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + json + data
    }
  }

  private func model(_ method: GPTQ.Method, isSymmetric: Bool) throws -> Model {
    method == .awq
      ? try Model(
        method, isSymmetric: isSymmetric, bitCounts: [4], sizes: [32],
        shapes: [[8, 32], [24, 96], [72, 64]])
      : try Model(
        method, isSymmetric: isSymmetric, bitCounts: [2, 3, 4, 8], sizes: [32, 64, nil],
        shapes: [[32, 64], [96, 192]])
  }

  private static let cases = GPTQ.Method.allCases.flatMap { method in
    [(method, true), (method, false)]
  }

  @Test(arguments: cases) func whatIsWrittenIsSound(
    _ method: GPTQ.Method, _ isSymmetric: Bool
  ) throws {
    try withTemporaryFolder { folder in
      try model(method, isSymmetric: isSymmetric).write(to: folder)
      let report = Verifier(
        folder.appending(path: "copy"), source: folder.appending(path: "source")
      ).run()
      #expect(report.findings == [], "\(report.findings)")
      #expect(report.quantizedLayerCount == (method == .awq ? 3 : 24))
      #expect(report.comparesSource)
    }
  }

  /// Any layer with another one's integers is far from its source: what the verifier compares is what it should be.
  @Test(arguments: cases) func changedNumbersAreFound(
    _ method: GPTQ.Method, _ isSymmetric: Bool
  ) throws {
    let whole = try model(method, isSymmetric: isSymmetric)
    let changed = whole.tensors.indices.filter {
      whole.tensors[$0].name.hasSuffix(".qweight")
        || whole.tensors[$0].name.hasSuffix(".qzeros") && !isSymmetric
    }
    #expect(changed.count == (method == .awq ? 3 : 24) * (isSymmetric ? 1 : 2))
    try withTemporaryFolder { folder in
      var copy = whole
      for index in changed {
        // The first words swapped end for end, in every layer.
        let tensor = whole.tensors[index].tensor
        let words = tensor.elements(as: Int32.self)
        let name = whole.tensors[index].name
        guard name.hasSuffix(".qweight") || words.count > 1 else { continue }
        copy.tensors[index].tensor = Tensor(
          Array(words.reversed()), shape: tensor.shape, dtype: .int32)
      }
      try copy.write(to: folder)
      let report = Verifier(
        folder.appending(path: "copy"), source: folder.appending(path: "source")
      ).run()
      let places = Set(report.findings.filter { $0.kind == .damage }.map(\.place))
      #expect(places.count == (method == .awq ? 3 : 24), "\(report.findings)")
    }
  }
}
