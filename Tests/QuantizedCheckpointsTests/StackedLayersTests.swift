import Checkpoints
import Diagnostics
import Foundation
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// A family of checkpoints that stores the layers of two experts in one tensor, which is all that it has.
private struct Stacks: CheckpointFamily {
  let name = "stacks"
  let version = "1"
  let tensorSuffixes: Set = ["codes", "steps"]

  /// A byte for each code.
  private struct Codes: LayerPart {
    let name = "codes"

    func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
      ([.uint8], [layer.grouping.rows, layer.grouping.columns])
    }

    func size(
      in tensors: LayerTensors, _ arguments: QuantizationArguments
    ) throws(InputError) -> (rows: Int, columns: Int)? {
      try tensors.sizeOfMatrix(name, dtype: .uint8)
    }

    func tensor(of weight: QuantizedWeight) -> Tensor { weight.codes }
    func read(_ tensor: Tensor, into layer: inout LayerNumbers) { layer.codes = tensor }
  }

  /// A scale for each row.
  private struct Steps: LayerPart {
    let name = "steps"
    let holdsScales = true

    func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
      ([.float32], layer.grouping.parameterShape)
    }

    func tensor(of weight: QuantizedWeight) -> Tensor {
      Tensor(weight.scales, shape: weight.grouping.parameterShape)
    }

    func read(_ tensor: Tensor, into layer: inout LayerNumbers) {
      (layer.scales, layer.scaleDType) = (tensor.floats(), .float32)
    }
  }

  func requireHolds(_ scheme: QuantizationScheme, path: String) {}

  func encoding(of scheme: QuantizationScheme) -> LayerEncoding {
    LayerEncoding([Codes(), Steps()])
  }

  /// `experts.1.up.codes` is the second slice of `up_experts.codes`.
  func place(of name: String) -> TensorPlace {
    let parts = name.split(separator: ".")
    guard parts.count == 4, parts[0] == "experts", let index = Int(parts[1]),
      tensorSuffixes.contains(String(parts[3]))
    else { return TensorPlace(tensor: name) }
    return TensorPlace(tensor: "\(parts[2])_experts.\(parts[3])", index: index)
  }

  func owners(of tensor: TensorInfo) -> [String] {
    let parts = tensor.name.split(separator: ".")
    guard parts.count == 2, parts[0].hasSuffix("_experts") else { return [] }
    return (0..<tensor.shape[0]).map { "experts.\($0).\(parts[0].dropLast(8))" }
  }

  func layers(in checkpoint: Checkpoint) -> Set<String> {
    Set(checkpoint.tensorNames.compactMap(checkpoint.info).flatMap(owners))
  }

  func measure(
    _ layer: String, _ arguments: QuantizationArguments?, in checkpoint: Checkpoint
  ) -> (weightCount: Int, byteCount: Int) { (0, 0) }

  func outline(
    of configuration: JSONValue, tensors: [TensorInfo], modules: [ModuleDescription],
    schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?
  ) throws(InputError) -> CheckpointOutline {
    var outline = CheckpointOutline(configuration: ["quantization_config": [:]])
    outline.documents = [("config.json", outline.configuration.text())]
    try outline.add(tensors, schemes: schemes, keyValues: keyValues, of: self)
    return outline
  }

  static let scheme = QuantizationScheme(
    targets: ["re:experts"], weights: QuantizationArguments(bitCount: 4, strategy: .channel))

  func storedSchemes(
    _ fields: JSONReader, tensors: some Sequence<TensorInfo>
  ) -> StoredSchemes {
    StoredSchemes(groups: [("all", Self.scheme)], ignore: [], keyValueScheme: nil)
  }

  func configuration(
    _ configuration: JSONValue, storedAs format: CompressionFormat
  ) -> JSONValue { configuration }
}

/// What a family may do that stores several layers in one tensor.
@Suite struct StackedLayersTests {
  private let layers = ["experts.0.up", "experts.1.up"]

  /// Writes a checkpoint in full precision.
  private func source(_ folder: URL) throws -> Checkpoint {
    var generator = SeededGenerator(seed: 3)
    let tensors = (layers + ["norm"]).map {
      ("\($0).weight", generator.tensor([4, 8], dtype: .float32))
    }
    let writer = try CheckpointWriter(
      output: folder,
      tensors: tensors.map { TensorInfo(name: $0.0, dtype: $0.1.dtype, shape: $0.1.shape) },
      sources: [], overwrite: false)
    for (name, tensor) in tensors { try writer.write(tensor, named: name) }
    try writer.write("{}", toFile: "config.json")
    try writer.finish()
    return try Checkpoint(opening: folder)
  }

  @Test func areWrittenAndReadBack() throws {
    try withTemporaryFolder { folder in
      let source = try source(folder.appending(path: "source"))
      let arguments = try #require(Stacks.scheme.weights)
      let outline = try Stacks().outline(
        of: source.configuration, tensors: source.tensorNames.compactMap(source.info), modules: [],
        schemes: Dictionary(uniqueKeysWithValues: layers.map { ($0, Stacks.scheme) }),
        keyValues: nil)
      #expect(
        outline.tensors == [
          TensorInfo(name: "up_experts.codes", dtype: .uint8, shape: [2, 4, 8]),
          TensorInfo(name: "up_experts.steps", dtype: .float32, shape: [2, 4, 1]),
          TensorInfo(name: "norm.weight", dtype: .float32, shape: [4, 8]),
        ])
      #expect(outline.weightByteCount == 2 * (4 * 8 + 4 * 4))

      let output = folder.appending(path: "output")
      let writer = try CheckpointWriter(
        output: output, tensors: outline.tensors, sources: [source.folder], overwrite: false)
      var weights: [QuantizedWeight] = []
      // The last one first: each has its place.
      for layer in layers.reversed() {
        let weight = try arguments.makeWeightQuantizer(
          for: source.tensor("\(layer).weight"), scaleDType: .float32, isTuned: false
        ).finished()
        weights.append(weight)
        expectInputError(.missing, mentioning: ["up_experts.codes"]) { try writer.finish() }
        for (name, tensor) in Stacks().encoding(of: Stacks.scheme).tensors(for: weight, name: layer)
        {
          try writer.write(tensor, at: Stacks().place(of: name))
          #expect(try writer.written(Stacks().place(of: name).description) == tensor)
          expectInputError(.invalidValue, mentioning: ["was written before"]) {
            try writer.write(tensor, at: Stacks().place(of: name))
          }
        }
      }
      expectInputError(.invalidValue, mentioning: ["not among the tensors"]) {
        try writer.write(weights[0].codes, at: TensorPlace(tensor: "up_experts.codes", index: 2))
      }
      for copy in outline.copies { try writer.write(source.tensor(copy.source), at: copy.place) }
      for file in outline.documents { try writer.write(file.text, toFile: file.name) }
      try writer.finish()

      let checkpoint = try Checkpoint(opening: output)
      let quantized = try DequantizedCheckpoint(
        checkpoint, JSONReader([:]), of: Stacks(), modules: nil)
      #expect(quantized.tensorNames == Set(layers.map { "\($0).weight" } + ["norm.weight"]))
      for (layer, weight) in zip(layers.reversed(), weights) {
        #expect(try quantized.quantizedWeight(of: layer) == weight)
        #expect(
          try quantized.tensor("\(layer).weight", shape: [4, 8])
            == weight.dequantized(to: .float32))
      }
    }
  }
}
