import AutoRound
import Compute
import Foundation
import JSONText
import LanguageModels
import Quantization
import Tensors

/// A decoder block of a known shape with random weights, tuned for a few iterations.
struct TuningCase {
  var name: String
  var hidden: Int
  var intermediate: Int
  var heads: Int
  var keyValueHeads: Int
  var headSize: Int
  var batch: Int
  var tokens: Int
  var compute = ComputeType.automatic
  var gradients = GradientPrecision.full

  private static let blocks = [
    TuningCase(
      name: "example 8x512", hidden: 256, intermediate: 768, heads: 4, keyValueHeads: 2,
      headSize: 64, batch: 8, tokens: 512),
    TuningCase(
      name: "qwen3-0.6b 8x512", hidden: 1024, intermediate: 3072, heads: 16, keyValueHeads: 8,
      headSize: 128, batch: 8, tokens: 512),
    TuningCase(
      name: "qwen3-0.6b 4x2048", hidden: 1024, intermediate: 3072, heads: 16, keyValueHeads: 8,
      headSize: 128, batch: 4, tokens: 2048),
    TuningCase(
      name: "llama-3.2-1b 8x512", hidden: 2048, intermediate: 8192, heads: 32, keyValueHeads: 8,
      headSize: 64, batch: 8, tokens: 512),
    TuningCase(
      name: "llama-3-8b 1x512", hidden: 4096, intermediate: 14336, heads: 32, keyValueHeads: 8,
      headSize: 128, batch: 1, tokens: 512),
  ]

  /// Each block with gradients in full and in 8 bits, where the processor has them; one in f32.
  static var all: [TuningCase] {
    blocks.flatMap { block in
      var (int8, float32) = (block, block)
      int8.name += " int8"
      int8.gradients = .int8
      float32.name += " f32"
      float32.compute = .float32
      return [block] + (GradientPrecision.int8.isAvailable ? [int8] : [])
        + (block.name == "qwen3-0.6b 8x512" ? [float32] : [])
    }
  }

  /// Times the iterations after the first two and relates them to the matrix rate, measured before and
  /// after.
  func run() throws -> [String] {
    let model = try Architectures.describe(JSONReader(configuration))
    let device = try Device(compute: compute)
    let block = try BlockProgram(
      model.blocks[0].block, batch: batch, tokens: tokens, device: device, training: .matrices,
      gradientPrecision: gradients)
    let weights = RandomWeights(seed: 1)
    try block.load("block", from: weights)
    let layers = try model.blocks[0].block.linearLayers.map { layer in
      guard
        let part = block.program.parameterParts.first(where: { $0.name == "\(layer.name).weight" })
      else { preconditionFailure("no weight for \(layer.name)") }
      let arguments = QuantizationArguments(numBits: 4, strategy: .group, groupSize: 128)
      let weight = try weights.tensor(
        "block.\(layer.name).weight", shape: [layer.outputs, layer.inputs])
      return TunedLayer(
        name: layer.name, bits: 4, part: part,
        quantizer: TimedQuantizer(
          try arguments.makeWeightQuantizer(for: weight, scaleDType: .bfloat16)))
    }
    let inputs = try randomInputs(weights, block)
    let targets = inputs.copy()
    BlockRunner(block).advance(targets)

    func rate() throws -> Double {
      try MatrixRate(
        rows: batch * tokens, inputs: hidden, outputs: intermediate, type: compute.product
      )
      .perSecond
    }
    let rateBefore = try rate()
    let warmUp = 2
    let iterations = warmUp + 5
    let tuner = BlockTuner(
      block: block, layers: layers,
      settings: TuningSettings(iterations: iterations, batchSize: batch))
    var times: [Double] = []
    var last = ContinuousClock.now
    block.program.timings = [:]
    _ = try tuner.tune(inputs: inputs, targets: targets) { _, _ in
      let now = ContinuousClock.now
      times.append((now - last) / .seconds(1))
      last = now
    }
    let matrixRate = try (rateBefore + rate()) / 2
    let seconds = times.dropFirst(warmUp).sorted()[(iterations - warmUp) / 2]
    let int8Rate = try MatrixRate(
      rows: batch * tokens, inputs: hidden, outputs: intermediate, type: .int8
    ).perSecond
    return report(seconds: seconds, matrixRate: matrixRate, int8Rate: int8Rate)
      + breakdown(block.program, layers, total: times.reduce(0, +))
  }

  private func report(seconds: Double, matrixRate: Double, int8Rate: Double) -> [String] {
    let operations = linearOperations + attentionOperations
    func share(_ operations: Double) -> String {
      String(format: "%.1f %%", 100 * operations / seconds / matrixRate)
    }
    return [
      "",
      "\(name), \(compute.rawValue), gradients in \(gradients.rawValue)",
      String(
        format: "  %.4f s per iteration, %.0f tokens/s", seconds, Double(batch * tokens) / seconds),
      String(
        format:
          "  %.1f GFLOP in linear layers, %.1f in attention; matrix rate %.0f GFLOP/s, int8 %.0f",
        linearOperations / 1e9, attentionOperations / 1e9, matrixRate / 1e9, int8Rate / 1e9),
      "  \(share(operations)) of the matrix rate; counting linear layers alone "
        + share(linearOperations),
    ]
  }

  private func breakdown(_ program: Program, _ layers: [TunedLayer], total: Double) -> [String] {
    let quantizers = layers.compactMap { $0.quantizer as? TimedQuantizer }
    let stepping = quantizers.reduce(0) { $0 + $1.stepping }
    var parts = program.timings ?? [:]
    // The step runs while the backward pass of a linear layer waits.
    parts["Linear backward", default: 0] -= stepping
    parts["update of V and ranges"] = stepping
    parts["fake quantization"] = quantizers.reduce(0) { $0 + $1.quantizing }
    parts["loss, batches, the rest"] = total - parts.values.reduce(0, +)
    return parts.sorted { $0.value > $1.value }.map { name, seconds in
      "    " + name.padding(toLength: 26, withPad: " ", startingAt: 0)
        + String(format: "%5.1f %%", 100 * seconds / total)
    }
  }

  private func randomInputs(_ weights: RandomWeights, _ block: BlockProgram) throws
    -> ActivationCache
  {
    let inputs = ActivationCache(
      sampleCount: 2 * batch, sampleByteCount: block.sequenceByteCount, compute: compute)
    for sample in 0..<2 * batch {
      let tensor = try weights.tensor("input \(sample)", shape: [tokens, hidden])
        .converted(to: compute.dtype)
      tensor.withUnsafeBytes {
        inputs[sample].copyMemory(from: $0.baseAddress!, byteCount: $0.count)
      }
    }
    return inputs
  }

  /// Three products for each linear layer, less the gradients to the inputs of q, k and v.
  private var linearOperations: Double {
    let first = hidden * headSize * (heads + 2 * keyValueHeads)
    let attention = first + hidden * headSize * heads
    let perToken = 3 * (attention + 3 * hidden * intermediate) - first
    return 2 * Double(batch * tokens) * Double(perToken)
  }

  /// Two products forward and four backward on the lower triangle. That the backward pass computes the
  /// scores again is our way of doing it and does not count.
  private var attentionOperations: Double {
    let pairs = Double(tokens) * Double(tokens + 1) / 2
    return 6 * 2 * Double(batch * heads * headSize) * pairs
  }

  private var configuration: JSONValue {
    [
      "model_type": "qwen3", "vocab_size": 256, "hidden_size": JSONValue(hidden),
      "intermediate_size": JSONValue(intermediate), "num_hidden_layers": 1,
      "num_attention_heads": JSONValue(heads),
      "num_key_value_heads": JSONValue(keyValueHeads), "head_dim": JSONValue(headSize),
    ]
  }
}

/// Tensors of random numbers of a size that keeps activations near one.
struct RandomWeights: TensorSource {
  var seed: UInt64

  func contains(_ name: String) -> Bool { true }

  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    var generator = MersenneTwister(
      seed: seed ^ UInt64(name.utf8.reduce(5381) { $0 &* 33 &+ Int($1) } & 0xFFFF_FFFF))
    let scale: Float =
      shape.count == 1 ? 1 : name.hasPrefix("input") ? 1 : 1 / Float(shape[1]).squareRoot()
    let values = (0..<shape.reduce(1, *)).map { _ -> Float in
      let uniform = Float(generator.next() >> 8) / Float(1 << 24)
      return shape.count == 1 ? 1 : (uniform * 2 - 1) * 1.7 * scale
    }
    return Tensor(values, shape: shape).converted(to: .bfloat16)
  }
}
