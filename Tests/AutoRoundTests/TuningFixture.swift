import AutoRound
import CPU
import Checkpoints
import Compute
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Quantization
import Recordings
import Tensors
import TestSupport
import Tuning

/// One tuning run of the reference on one Llama block, from Tests/Fixtures/tuning.
struct TuningFixture {
  let run: SafetensorsFile
  let block: SafetensorsFile
  let variant: String

  /// A tensor that the reference has kept of some layers only; nil for the others.
  func recorded(_ name: String) throws -> Tensor? {
    try run.entries.contains { $0.name == name } ? run.tensor(name) : nil
  }

  static let samples = 16
  static let tokens = 32
  /// The block's shape, as a configuration would give it.
  static let configuration: JSONValue = [
    "model_type": "llama", "vocab_size": 256, "hidden_size": 128, "intermediate_size": 256,
    "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4,
    "rms_norm_eps": 1e-5, "rope_theta": 10000,
  ]

  init(_ variant: String) throws {
    let folder = Fixtures.folder.appending(path: "tuning")
    self.variant = variant
    run = try SafetensorsFile(opening: folder.appending(path: "\(variant).safetensors"))
    block = try SafetensorsFile(opening: folder.appending(path: "block.safetensors"))
  }

  var bitCount: Int { variant.hasPrefix("w4") ? 4 : 2 }
  var isSymmetric: Bool { !variant.contains("asym") }
  var scaleDType: DType { variant.hasSuffix("_s32") ? .float32 : .float16 }

  func doubles(_ name: String) throws -> [Double] {
    try run.tensor(name).elements(as: Double.self)
  }

  var batches: [[Int]] {
    get throws {
      let tensor = try run.tensor("batches")
      let flat = tensor.elements(as: Int32.self).map { Int($0) }
      return stride(from: 0, to: flat.count, by: tensor.shape[1]).map {
        Array(flat[$0..<$0 + tensor.shape[1]])
      }
    }
  }

  /// The range scales of a layer at the iteration that was best.
  func bestRanges(of layer: TunedLayer) throws -> (alpha: [Float], beta: [Float]) {
    (
      try run.tensor("best.\(layer.name).min_scale").floats(),
      try run.tensor("best.\(layer.name).max_scale").floats()
    )
  }

  /// The block with full-precision weights loaded.
  ///
  /// - Parameters:
  ///   - inputs: How the inputs of all layers are quantized; nil leaves them as they are.
  ///   - keyValues: The same of keys and values.
  func program(
    batch: Int, compute: ComputeType = .float32, device: (any Device)? = nil,
    inputs: QuantizationArguments? = nil, keyValues: QuantizationArguments? = nil
  ) throws -> BlockProgram {
    let plain = try Architectures.describe(JSONReader(Self.configuration))
    let scheme = QuantizationScheme(targets: ["Linear"], weights: nil, inputActivations: inputs)
    let model = plain.quantizingActivations(
      schemes: Dictionary(
        uniqueKeysWithValues: plain.modules.map { ($0.name, scheme) }),
      keyValues: keyValues, rule: .tuning
    ) { _, _ in true }
    let program = try BlockProgram(
      model.blocks[0].block, activations: model.blocks[0].activations, batch: batch,
      tokens: Self.tokens, device: device ?? CPUDevice(compute: compute), training: .matrices)
    try program.load("weight", from: BlockWeights(file: block), hasScales: false)
    return program
  }

  /// The layers of the block, ready to be tuned.
  func layers(in program: BlockProgram) throws -> [TunedLayer] {
    try program.program.parameterParts.filter(\.isMatrix).map { part in
      let name = String(part.name.dropLast(".weight".count))
      let quantizer = try IntegerWeightQuantizer(
        weight: block.tensor("weight.\(name).weight"),
        arguments: QuantizationArguments(
          bitCount: bitCount, isSymmetric: isSymmetric, strategy: .group, groupSize: 32),
        scaleDType: scaleDType)
      return TunedLayer(name: name, bitCount: bitCount, part: part, quantizer: quantizer)
    }
  }

  func cache(_ name: String, on device: (any Device)? = nil) throws -> ActivationCache {
    let device = try device ?? CPUDevice(compute: .float32)
    let tensor = try block.tensor(name).converted(to: device.compute.dtype)
    let cache = ActivationCache(
      sampleCount: Self.samples, sampleByteCount: tensor.byteCount / Self.samples, device: device)
    tensor.withUnsafeBytes { bytes in
      for sample in 0..<Self.samples {
        let first = sample * cache.sampleByteCount
        cache[sample].upload(
          UnsafeRawBufferPointer(rebasing: bytes[first..<first + cache.sampleByteCount]))
      }
    }
    return cache
  }

  /// The full-precision outputs for X, the targets of tuning.
  func targets(from program: BlockProgram) throws -> ActivationCache {
    let cache = try cache("input_fp", on: program.program.device)
    program.advance(cache)
    return cache
  }
}

/// The fixture's weights, called `weight.` and then as inside a block.
private struct BlockWeights: TensorSource {
  let file: SafetensorsFile
  func contains(_ name: String) -> Bool { file.entry(name) != nil }
  func tensor(_ name: String, shape: [Int]) throws -> Tensor { try file.tensor(name) }
}

/// The batches that a fixture records, in their order.
struct FixedBatches: IteratorProtocol {
  private var batches: ArraySlice<[Int]>
  init(_ batches: [[Int]]) { self.batches = batches[...] }
  mutating func next() -> ArraySlice<Int>? { batches.popFirst().map { $0[...] } }
}
