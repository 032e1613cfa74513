import AutoRound
import CPU
import Compute
import LanguageModels
import Quantization
import Recordings
import Tensors
import Tuning

/// A decoder block of a known shape with random weights, and random hidden states to tune it on.
struct RandomBlock {
  let shape: BlockShape
  let program: BlockProgram
  let layers: [TunedLayer]
  let inputs: ActivationCache
  /// What the block answers in full precision.
  let targets: ActivationCache

  /// - Parameters:
  ///   - scheme: A preset, of which the weights count.
  ///   - samples: Sequences to tune on, of `tokens` tokens each.
  ///   - isTimed: Whether the quantizers add up the time that they take.
  init(
    _ shape: BlockShape, batch: Int, tokens: Int, samples: Int, scheme: String = "W4A16",
    compute: ComputeType = .automatic, gradients: GradientPrecision = .full, isTimed: Bool = false
  ) throws {
    self.shape = shape
    let block = try shape.block
    program = try BlockProgram(
      block, batch: batch, tokens: tokens, device: CPUDevice(compute: compute), training: .matrices,
      gradientPrecision: gradients)
    let weights = RandomWeights(seed: 1)
    try program.load("block", from: weights)
    guard let arguments = try QuantizationScheme.preset(named: scheme).weights else {
      preconditionFailure("\(scheme) has no weights")
    }
    let parts = program.program.parameterParts
    layers = try block.linearLayers.filter { $0.exclusion == nil }.map { layer in
      guard let part = parts.first(where: { $0.name == "\(layer.name).weight" }) else {
        preconditionFailure("no weight for \(layer.name)")
      }
      let weight = try weights.tensor(
        "block.\(layer.name).weight", shape: [layer.outputs, layer.inputs])
      let quantizer = try arguments.makeWeightQuantizer(for: weight, scaleDType: .bfloat16)
      return TunedLayer(
        name: layer.name, bitCount: arguments.bitCount, part: part,
        quantizer: isTimed ? TimedQuantizer(quantizer) : quantizer)
    }
    let inputs = ActivationCache(
      sampleCount: samples, sampleByteCount: program.sequenceByteCount,
      device: program.program.device)
    for sample in 0..<samples {
      let tensor = try weights.tensor("input \(sample)", shape: [tokens, shape.hidden])
        .converted(to: compute.dtype)
      tensor.withUnsafeBytes { inputs[sample].upload($0) }
    }
    self.inputs = inputs
    targets = inputs.copy()
    program.advance(targets)
  }
}

/// Tensors of random numbers of a size that keeps activations near one. The numbers of a matrix repeat after a prime
/// number of them.
struct RandomWeights: TensorSource {
  var seed: UInt64
  private static let period = 65_521

  func contains(_ name: String) -> Bool { true }

  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    var generator = MersenneTwister(
      seed: seed ^ UInt64(name.utf8.reduce(5381) { $0 &* 33 &+ Int($1) } & 0xFFFF_FFFF))
    let scale: Float =
      shape.count == 1 ? 1 : name.hasPrefix("input") ? 1 : 1 / Float(shape[1]).squareRoot()
    let count = shape.reduce(1, *)
    let values = (0..<min(count, Self.period)).map { _ -> Float in
      let uniform = Float(generator.next() >> 8) / Float(1 << 24)
      return shape.count == 1 ? 1 : (uniform * 2 - 1) * 1.7 * scale
    }
    let pattern = Tensor(values, shape: [values.count]).converted(to: .bfloat16)
    return Tensor(filling: shape, dtype: .bfloat16) { target in
      pattern.withUnsafeBytes { pattern in
        for first in stride(from: 0, to: target.count, by: pattern.count) {
          let part = min(pattern.count, target.count - first)
          UnsafeMutableRawBufferPointer(rebasing: target[first..<first + part])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: pattern[..<part]))
        }
      }
    }
  }
}
