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
import Testing
import Tuning

/// A block of a small model, and the same samples for it by themselves and padded.
struct PaddedTwins {
  static let tokens = 32
  /// Tokens of each sample.
  static let lengths = [13, 32, 1, 20]

  let checkpoint: Checkpoint
  let placed: PlacedBlock
  let device: CPUDevice
  private let rows: [[Float]]

  init(_ model: String, block index: Int) throws {
    checkpoint = try Checkpoint(
      opening: Fixtures.folder.appending(path: "models/\(model)"))
    let plain = try Architectures.describe(
      JSONReader(checkpoint.configuration), shapes: checkpoint.tensorShapes)
    let scheme = QuantizationScheme(
      targets: ["Linear"], weights: nil,
      inputActivations: QuantizationArguments(bitCount: 8, type: .float, strategy: .tensor))
    placed =
      plain.quantizingActivations(
        schemes: Dictionary(uniqueKeysWithValues: plain.modules.map { ($0.name, scheme) }),
        keyValues: nil, rule: .tuning, sharesScale: { _, _ in true }
      ).blocks[index]
    device = try CPUDevice(compute: .float32)
    let width = placed.block.width
    var generator = SeededGenerator(seed: 11)
    rows = Self.lengths.map { count in
      (0..<count * width).map { _ in Float.random(in: -1...1, using: &generator) }
    }
  }

  /// The hidden states of one sample by itself.
  func alone(_ sample: Int) -> ActivationCache {
    let cache = ActivationCache(
      sampleCount: 1, sampleByteCount: 4 * rows[sample].count, device: device)
    rows[sample].withUnsafeBytes { cache[0].upload($0) }
    return cache
  }

  /// All samples, with numbers behind them that would change everything if they counted.
  ///
  /// - Parameter counted: The tokens of each that count in losses; nil: its own.
  func padded(counted: [[Range<Int>]]? = nil) -> ActivationCache {
    let count = Self.tokens * placed.block.width
    let cache = ActivationCache(
      sampleCount: rows.count, sampleByteCount: 4 * count, device: device)
    for (sample, own) in rows.enumerated() {
      let padding = (own.count..<max(count, own.count)).map { Float($0 % 7) * 100 - 300 }
      (own + padding).withUnsafeBytes { cache[sample].upload($0) }
    }
    cache.masks = Self.lengths.enumerated().map {
      SampleMask(tokenCount: $1, counted: counted?[$0])
    }
    return cache
  }

  /// The block's program.
  ///
  /// - Parameter hasScales: Whether its layers' inputs have scales to be calibrated.
  func program(batch: Int, tokens: Int, hasScales: Bool = false) throws -> BlockProgram {
    let block = try BlockProgram(
      placed.block.keepingExpertInputs,
      activations: hasScales ? placed.activations : ActivationPlan(), batch: batch, tokens: tokens,
      device: device, training: .matrices)
    try block.load(placed.name, from: checkpoint, hasScales: false)
    return block
  }

  /// Layers that keep the gradients of their first step.
  func layers(in block: BlockProgram) throws -> [(layer: TunedLayer, recorder: RecordingQuantizer)]
  {
    let parts = Dictionary(
      block.program.parameterParts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return try placed.block.linearLayers.compactMap { slot in
      guard let part = parts["\(slot.name).weight"], part.isMatrix else { return nil }
      let weight = try slot.readWeight(in: placed.name, from: checkpoint)
      let recorder = RecordingQuantizer(
        try IntegerWeightQuantizer(
          weight: weight.converted(to: .float32),
          arguments: QuantizationArguments(bitCount: 4, strategy: .channel), scaleDType: .float32))
      return (TunedLayer(name: slot.name, bitCount: 4, part: part, quantizer: recorder), recorder)
    }
  }
}
