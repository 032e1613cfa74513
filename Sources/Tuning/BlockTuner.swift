package import Compute
import Diagnostics
package import Execution
package import LanguageModels
package import Quantization
package import Recipes
import Recordings
import Tensors

/// How a block is tuned.
package struct TuningSettings: Sendable, Equatable {
  /// Steps of signed gradient descent; 0 leaves the weights rounded to nearest.
  package var iterations: Int
  /// First step of the rounding offsets, the range scales and the scales of inputs.
  package var learningRate: LearningRate
  /// First step of the range scales where that is not ``learningRate``.
  package var rangeLearningRate: LearningRate?
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
  fileprivate func schedule(_ rate: LearningRate, bitCount: Int) -> LearningRateSchedule {
    LearningRateSchedule(
      initial: Float(rate.value(bitCount: bitCount, iterations: iterations)), iterations: iterations
    )
  }
}

/// A linear layer that is being tuned: its place in the block's program and the state of its quantizer.
package struct TunedLayer {
  /// Name inside the block, `mlp.up_proj`.
  package var name: String
  package var bitCount: Int
  package var part: BoundPart
  package var quantizer: any WeightQuantizer
  fileprivate var elementCount: Int { part.rows * part.columns }

  package init(name: String, bitCount: Int, part: BoundPart, quantizer: any WeightQuantizer) {
    self.name = name
    self.bitCount = bitCount
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

  private let block: BlockProgram
  private let layers: [TunedLayer]
  private let inputScales: [CalibratedScale]
  private let settings: TuningSettings
  private let layersOfParameter: [Parameter: [Int]]
  private let scaleOfParameter: [Parameter: CalibratedScale]
  /// What the backward pass is run for.
  private let wanted: Program.WantedRows

  /// - Parameter inputScales: The calibrated scales of the layers' inputs, which are tuned with them.
  package init(
    block: BlockProgram, layers: [TunedLayer], inputScales: [CalibratedScale] = [],
    settings: TuningSettings
  ) {
    self.block = block
    self.layers = layers
    self.inputScales = inputScales
    scaleOfParameter = Dictionary(
      inputScales.filter(\.isTuned).map { ($0.parameter, $0) }, uniquingKeysWith: { $1 })
    self.settings = settings
    layersOfParameter = Dictionary(grouping: layers.indices) { layers[$0].part.parameter }
    wanted = layersOfParameter.mapValues { own in
      own.map { layers[$0].part.rowOffset..<layers[$0].part.rowOffset + layers[$0].part.rows }
    }.merging(scaleOfParameter.mapValues { _ in [0..<1] }) { $1 }
  }

  /// Puts the weights that the quantizers' current parameters give into the program.
  package func quantizeWeights() {
    for layer in layers {
      if layer.part.isMade {
        block.program.use(layer.quantizer.source(), for: layer.part)
      } else {
        layer.quantizer.quantizeDequantize(
          into: layer.part.range, dtype: layer.part.type.dtype, rowStride: layer.part.columns)
      }
    }
    for scale in inputScales { scale.apply() }
  }

  /// Runs all iterations and leaves the best roundings in the quantizers and their weights in the program.
  ///
  /// - Parameters:
  ///   - inputs: What the quantized block reads.
  ///   - targets: What it should answer, sample by sample.
  ///   - batches: The samples of each iteration; by default those of a ``BatchSampler`` with the settings'
  ///     seed.
  ///   - onIteration: Called with each iteration's number and loss.
  /// - Throws: `notFinite` if a loss is not finite.
  package func tune(
    inputs: ActivationCache, targets: some TuningTargets,
    batches: (any IteratorProtocol<ArraySlice<Int>>)? = nil,
    onIteration: (Int, Double) throws -> Void
  ) throws -> TuningOutcome {
    precondition(settings.iterations > 0)
    precondition(
      block.program.training != .nothing, "a program without gradients is not tuned")
    let batch = min(block.program.batch, inputs.sampleCount)
    let steps = settings.gradientAccumulationSteps
    var sampler =
      batches
      ?? BatchSampler(
        sampleCount: inputs.sampleCount, batchSize: min(batch * steps, inputs.sampleCount),
        seed: settings.seed)
    var schedules = layers.map { settings.schedule(settings.learningRate, bitCount: $0.bitCount) }
    for (layer, schedule) in zip(layers, schedules) {
      layer.quantizer.makeOffsets(unit: schedule.unit)
    }
    var rangeSchedules = layers.map {
      settings.schedule(settings.rangeLearningRate ?? settings.learningRate, bitCount: $0.bitCount)
    }
    var inputSchedule = settings.schedule(settings.learningRate, bitCount: 8)
    let momentum = settings.momentum
    let needsSums = steps > 1 || momentum > 0
    let sums = needsSums ? layers.map(makeSum) : nil
    var outcome = TuningOutcome(losses: [], bestIteration: 0, bestLoss: .infinity)
    outcome.losses.reserveCapacity(settings.iterations)
    block.program.backwardPass = 0

    for iteration in 0..<settings.iterations {
      quantizeWeights()
      guard let samples = sampler.next() else { preconditionFailure("too few batches") }
      let elements =
        block.outputColumns
        * samples.reduce(0) { sum, sample in
          block.countedTokens(of: sample, in: inputs).reduce(sum) { $0 + $1.count }
        }
      func step(_ layer: Int, _ gradient: DeviceRange) {
        layers[layer].quantizer.step(
          gradient: gradient, learningRate: schedules[layer].rate,
          rangeLearningRate: rangeSchedules[layer].rate)
      }

      var loss = 0.0
      if let sums {
        for first in stride(from: samples.startIndex, to: samples.endIndex, by: batch) {
          let part = samples[first..<min(first + batch, samples.endIndex)]
          loss += forward(part, inputs: inputs, targets: targets, elements: elements)
          let kept = first == samples.startIndex ? momentum : 1
          backward { layer, gradient in
            block.program.device.add(
              gradient, to: sums[layer], count: layers[layer].elementCount, keeping: kept)
          }
        }
        try keepIfBest(loss, iteration, &outcome)
        for layer in layers.indices { step(layer, sums[layer]) }
      } else {
        loss = forward(samples, inputs: inputs, targets: targets, elements: elements)
        try keepIfBest(loss, iteration, &outcome)
        backward { step($0, $1) }
      }
      for scale in inputScales { scale.step(rate: inputSchedule.rate, momentum: momentum) }
      inputSchedule.advance()
      for layer in layers.indices {
        schedules[layer].advance()
        rangeSchedules[layer].advance()
      }
      try onIteration(iteration, loss)
    }
    for layer in layers { layer.quantizer.restoreBest() }
    for scale in inputScales { scale.restoreBest() }
    quantizeWeights()
    return outcome
  }

  /// Runs one batch forward and leaves the gradient of its loss at the output; returns its share of the
  /// mean over `elements` elements.
  private func forward(
    _ samples: ArraySlice<Int>, inputs: ActivationCache, targets: some TuningTargets, elements: Int
  ) -> Double {
    let program = block.program
    block.gather(samples, from: inputs)
    program.forward()
    let counted = samples.enumerated().flatMap { position, sample in
      parts(of: sample, at: position, inputs, target: targets[sample])
    }
    if settings.suppressesOutliers {
      program.device.suppressOutliers(
        in: counted.map { (y: program.output + $0.offset, target: $0.target, count: $0.count) })
    }
    // Rows that do not count must not leave a gradient behind.
    if inputs.masks != nil || samples.count < program.batch {
      program.outputGradient.clear(byteCount: program.batch * block.outputByteCount)
    }
    let factor = Float(2 * Self.lossScale / Double(elements))
    var sum = 0.0
    for part in counted {
      sum += program.device.squaredError(
        program.output + part.offset, target: part.target, count: part.count,
        gradient: program.outputGradient + part.offset, factor: factor)
    }
    return sum / Double(elements)
  }

  /// What counts of a sample's output, which begins so many bytes behind that of the program; with what it should be, and
  /// the number of its elements.
  private func parts(
    of sample: Int, at position: Int, _ inputs: ActivationCache, target: DeviceRange
  ) -> [(offset: Int, target: DeviceRange, count: Int)] {
    block.countedTokens(of: sample, in: inputs).map { tokens in
      let first = tokens.lowerBound * block.outputRowByteCount
      return (
        position * block.outputByteCount + first, target + first, tokens.count * block.outputColumns
      )
    }
  }

  /// Runs backward and hands each tuned layer its part of the gradients.
  private func backward(_ body: (Int, DeviceRange) -> Void) {
    block.program.backward(of: wanted) { parameter, rows, gradient in
      scaleOfParameter[parameter]?.add(gradient: gradient.float)
      for layer in layersOfParameter[parameter] ?? [] {
        let part = layers[layer].part
        guard rows.contains(part.rowOffset) else { continue }
        let element = (part.rowOffset - rows.lowerBound) * part.columns
        body(layer, gradient + element * MemoryLayout<Float>.stride)
      }
    }
  }

  /// Room for the gradients of a layer, summed over the batches of a step and of steps before.
  private func makeSum(for layer: TunedLayer) -> DeviceRange {
    let byteCount = layer.elementCount * MemoryLayout<Float>.stride
    let sum = DeviceRange(block.program.device.makeBuffer(byteCount: byteCount))
    sum.clear(byteCount: byteCount)
    return sum
  }

  private func keepIfBest(_ loss: Double, _ iteration: Int, _ outcome: inout TuningOutcome) throws {
    guard loss.isFinite else {
      throw InputError(
        .notFinite, place: "iteration \(iteration)",
        "the block's loss is \(loss.isNaN ? "not a number" : "infinite"); try \(OptionName.compute.with("f32")) or a smaller "
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
