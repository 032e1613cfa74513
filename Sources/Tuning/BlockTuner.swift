package import Compute
import Diagnostics
package import Execution
package import LanguageModels
package import Quantization
package import Recipes
import Tensors

/// How a block is tuned.
package struct TuningSettings: Sendable, Equatable {
  /// Steps of signed gradient descent; 0 leaves the weights rounded to nearest.
  package var iterations: Int
  /// First step of the rounding offsets, the range scales and the scales of inputs.
  package var learningRate: LearningRate
  /// Samples that are run at once.
  package var batchSize: Int
  /// Batches of one step, run one after the other to save memory.
  package var gradientAccumulationSteps: Int
  /// Start of the sampler; the same for every block.
  package var seed: UInt64
  /// What stays of the gradients of earlier steps: 0 steps by the sign of the last batch's gradient, 0.9 by
  /// that of an average over some ten batches, which makes up for small ones.
  package var momentum: Float = 0
  /// Whether the largest differences of each batch are left out of the loss.
  package var suppressesOutliers = false

  package init(
    iterations: Int, learningRate: LearningRate = .automatic, batchSize: Int,
    gradientAccumulationSteps: Int = 1,
    seed: UInt64 = 42
  ) {
    self.iterations = iterations
    self.learningRate = learningRate
    self.batchSize = batchSize
    self.gradientAccumulationSteps = gradientAccumulationSteps
    self.seed = seed
  }

  /// The steps of a layer over the iterations.
  fileprivate func schedule(_ rate: LearningRate, bits: Int) -> LearningRateSchedule {
    LearningRateSchedule(
      initial: Float(rate.value(bitCount: bits, iterations: iterations)), iterations: iterations)
  }
}

/// A linear layer that is being tuned: its place in the block's program and the state of its quantizer.
package struct TunedLayer {
  /// Name inside the block, `mlp.up_proj`.
  package var name: String
  package var bits: Int
  package var part: BoundPart
  package var quantizer: any WeightQuantizer

  package init(name: String, bits: Int, part: BoundPart, quantizer: any WeightQuantizer) {
    self.name = name
    self.bits = bits
    self.part = part
    self.quantizer = quantizer
  }
}

/// What tuning a block came to.
package struct TuningOutcome: Sendable, Equatable {
  /// The loss of each iteration's batch, before its step.
  package var losses: [Double]
  /// The iteration whose parameters were kept.
  package var bestIteration: Int
  package var bestLoss: Double
}

/// Tunes the weights of one block: learns rounding offsets and range scales by signed gradient descent on
/// the mean squared error of the block's output.
///
/// Source: Cheng et al., "Optimize Weight Rounding via Signed Gradient Descent for the Quantization of
/// LLMs", EMNLP Findings 2024; the procedure is docs/ALGORITHM.md, section 2.
package final class BlockTuner {
  /// The loss is scaled up before its gradient is taken, so that small gradients survive in bf16. Only
  /// signs are used, so the factor itself has no meaning.
  private static let lossScale = 1000.0

  private let runner: BlockRunner
  private let layers: [TunedLayer]
  private let inputScales: [CalibratedScale]
  private let settings: TuningSettings
  private let dtype: DType
  private let layersOfParameter: [Parameter: [Int]]
  private let scaleOfParameter: [Parameter: CalibratedScale]
  private let elementsOfSample: Int

  /// - Parameter inputScales: The calibrated scales of the layers' inputs, which are tuned with them.
  package init(
    block: BlockProgram, layers: [TunedLayer], inputScales: [CalibratedScale] = [],
    settings: TuningSettings
  ) {
    runner = BlockRunner(block)
    self.layers = layers
    self.inputScales = inputScales
    scaleOfParameter = Dictionary(
      inputScales.filter(\.isTuned).map { ($0.parameter, $0) }, uniquingKeysWith: { $1 })
    self.settings = settings
    dtype = block.program.compute.dtype
    layersOfParameter = Dictionary(grouping: layers.indices) { layers[$0].part.parameter }
    elementsOfSample = block.outputByteCount / block.program.compute.byteCount
  }

  /// Puts the weights that the quantizers' current parameters give into the program.
  package func quantizeWeights() {
    for layer in layers {
      layer.quantizer.quantizeDequantize(
        into: layer.part.range, dtype: dtype, rowStride: layer.part.columns)
    }
    for scale in inputScales { scale.apply() }
  }

  /// Runs all iterations and leaves the best parameters in the quantizers and their weights in the
  /// program.
  ///
  /// - Parameters:
  ///   - inputs: What the quantized block reads.
  ///   - targets: What it should answer, sample by sample.
  ///   - batches: The samples of each iteration; by default those of a ``BatchSampler`` with the settings'
  ///     seed.
  ///   - mask: The tokens that count in the loss; nil: all. The loss is the mean over those that count.
  ///   - onIteration: Called with each iteration's number and loss.
  /// - Throws: `notFinite` if a loss is not finite.
  package func tune(
    inputs: ActivationCache, targets: some TuningTargets,
    batches: (any IteratorProtocol<ArraySlice<Int>>)? = nil, mask: LossMask? = nil,
    onIteration: (Int, Double) throws -> Void
  ) throws -> TuningOutcome {
    precondition(settings.iterations > 0)
    precondition(
      runner.block.program.training != .nothing, "a program without gradients is not tuned")
    let batch = min(runner.block.program.batch, inputs.sampleCount)
    let steps = settings.gradientAccumulationSteps
    var sampler =
      batches
      ?? BatchSampler(
        sampleCount: inputs.sampleCount, batchSize: min(batch * steps, inputs.sampleCount),
        seed: settings.seed)
    var schedules = layers.map { settings.schedule(settings.learningRate, bits: $0.bits) }
    var inputSchedule = settings.schedule(settings.learningRate, bits: 8)
    let momentum = settings.momentum
    let needsSums = steps > 1 || momentum > 0
    let sums = needsSums ? GradientSums(layers, device: runner.block.program.device) : nil
    var outcome = TuningOutcome(losses: [], bestIteration: 0, bestLoss: .infinity)
    outcome.losses.reserveCapacity(settings.iterations)
    runner.block.program.backwardPass = 0

    for iteration in 0..<settings.iterations {
      quantizeWeights()
      guard let samples = sampler.next() else { preconditionFailure("too few batches") }
      let elements = elements(of: samples, mask)
      func step(_ layer: Int, _ gradient: DeviceRange) {
        layers[layer].quantizer.step(
          gradient: gradient, learningRate: schedules[layer].rate,
          rangeLearningRate: schedules[layer].rate)
      }

      var loss = 0.0
      if let sums {
        var first = samples.startIndex
        while first < samples.endIndex {
          let part = samples[first..<min(first + batch, samples.endIndex)]
          loss += forward(part, inputs: inputs, targets: targets, mask, elements: elements)
          let kept = first == samples.startIndex ? momentum : 1
          backward { sums.add($1, to: $0, keeping: kept) }
          first = part.endIndex
        }
        try keepIfBest(loss, iteration, &outcome)
        for layer in layers.indices { step(layer, sums[layer]) }
      } else {
        loss = forward(samples, inputs: inputs, targets: targets, mask, elements: elements)
        try keepIfBest(loss, iteration, &outcome)
        backward { step($0, $1) }
      }
      for scale in inputScales { scale.step(rate: inputSchedule.rate, momentum: momentum) }
      inputSchedule.advance()
      for layer in layers.indices { schedules[layer].advance() }
      try onIteration(iteration, loss)
    }
    for layer in layers { layer.quantizer.restoreBest() }
    for scale in inputScales { scale.restoreBest() }
    quantizeWeights()
    return outcome
  }

  /// Elements of the samples' outputs that count in the loss.
  private func elements(of samples: ArraySlice<Int>, _ mask: LossMask?) -> Int {
    guard let mask else { return samples.count * elementsOfSample }
    let tokens = samples.reduce(0) { $0 + mask.tokenCount(ofSample: $1) }
    return max(tokens * runner.block.outputColumns, 1)
  }

  /// Runs one batch forward and leaves the gradient of its loss at the output; returns its share of the
  /// mean over `elements` elements.
  private func forward(
    _ samples: ArraySlice<Int>, inputs: ActivationCache, targets: some TuningTargets,
    _ mask: LossMask?, elements: Int
  ) -> Double {
    let program = runner.block.program
    runner.gather(samples, from: inputs)
    program.forward()
    if settings.suppressesOutliers {
      program.device.suppressOutliers(
        in: program.output, targets: samples.map { targets[$0] }, count: elementsOfSample)
    }
    // Rows that belong to no sample, or do not count, must not leave a gradient behind.
    if mask != nil || samples.count < program.batch {
      program.outputGradient.clear(byteCount: program.batch * runner.block.outputByteCount)
    }
    let factor = Float(2 * Self.lossScale / Double(elements))
    let columns = runner.block.outputColumns
    var sum = 0.0
    for (position, sample) in samples.enumerated() {
      let target = targets[sample]
      for tokens in mask?.stretches[sample] ?? [0..<program.tokens] {
        let inSample = tokens.lowerBound * columns * program.compute.byteCount
        let offset = position * runner.block.outputByteCount + inSample
        sum += program.device.squaredError(
          program.output + offset, target: target + inSample, count: tokens.count * columns,
          gradient: program.outputGradient + offset, factor: factor)
      }
    }
    return sum / Double(elements)
  }

  /// Runs backward and hands each tuned layer its part of the gradients.
  private func backward(_ body: (Int, DeviceRange) -> Void) {
    runner.block.program.backward { parameter, gradient in
      scaleOfParameter[parameter]?.add(gradient: gradient.float)
      for layer in layersOfParameter[parameter] ?? [] {
        let part = layers[layer].part
        body(layer, gradient + part.rowOffset * part.columns * MemoryLayout<Float>.stride)
      }
    }
  }

  private func keepIfBest(_ loss: Double, _ iteration: Int, _ outcome: inout TuningOutcome) throws {
    guard loss.isFinite else {
      throw InputError(
        .notFinite, place: "iteration \(iteration)",
        "the block's loss is \(loss); try \(OptionName.compute.with("f32")) or a smaller "
          + "\(OptionName.learningRate)")
    }
    outcome.losses.append(loss)
    if loss < outcome.bestLoss {
      outcome.bestLoss = loss
      outcome.bestIteration = iteration
      for layer in layers { layer.quantizer.keepBest() }
      for scale in inputScales { scale.keepBest() }
    }
  }
}

/// Gradients summed over the batches of a step, and of steps before.
private struct GradientSums {
  private let layers: [(sum: DeviceRange, count: Int)]
  private let device: any Device

  init(_ layers: [TunedLayer], device: any Device) {
    self.device = device
    self.layers = layers.map { layer in
      let count = layer.part.rows * layer.part.columns
      let sum = DeviceRange(device.makeBuffer(byteCount: count * MemoryLayout<Float>.stride))
      sum.clear(byteCount: count * MemoryLayout<Float>.stride)
      return (sum, count)
    }
  }

  /// Adds a gradient to `kept` times what was summed before.
  func add(_ gradient: DeviceRange, to layer: Int, keeping kept: Float) {
    device.add(gradient, to: layers[layer].sum, count: layers[layer].count, keeping: kept)
  }

  subscript(layer: Int) -> DeviceRange { layers[layer].sum }
}
