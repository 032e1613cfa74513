import CPU
import Checkpoints
import Compute
import Diagnostics
import Execution
import LanguageModels
import MatrixProducts
import Quantization
import Recipes
import Recordings
import Reporting
import Tensors

extension TimeEstimate {
  /// Tunes the first block for a few steps and scales that up. Takes ten seconds at the most, or what one
  /// step on a part of a sample takes if that is more.
  ///
  /// - Parameters:
  ///   - setup: That of the run which is planned.
  ///   - heldOutTokenCount: Tokens that the result will be measured on.
  /// - Returns: Nil where no block has anything to quantize.
  static func measure(
    _ setup: CalibrationSetup, _ table: SchemeTable, _ modifier: any Modifier,
    heldOutTokenCount: Int
  ) throws -> TimeEstimate? {
    let started = ContinuousClock.now
    let options = setup.options
    let blocks = setup.blocks(table)
    guard let first = blocks.firstIndex(where: table.quantizes) else { return nil }
    let (samples, tokens, batch) = (setup.sampleCount, setup.tokenCount, setup.batch)
    let work = BlockWork(blocks[first].block)
    let rate = try work.productRate(compute: setup.device.compute)
    let shape = work.shape(batch: batch, tokens: tokens, within: 1.2 * rate)
    var trial = setup
    (trial.sampleCount, trial.tokenCount) = (shape.batch, shape.tokens)
    let sample = try naming(blocks[first].name) {
      try MeasuredBlock.measure(first, trial, table, modifier)
    }

    // A step has a part that follows the tokens, and one that follows the weights alone.
    let growth = work.operations(batch, tokens) / work.operations(shape.batch, shape.tokens)
    let fixed = min(sample.weightSeconds, sample.iterationSeconds)
    let iteration = (sample.iterationSeconds - fixed) * growth + fixed
    let batches = Double((samples + batch - 1) / batch)
    let forward = sample.forwardSeconds * growth
    // Forward over all samples: for the targets, and for the losses before and after.
    // Those of all experts: for what columns weigh, and for scales.
    let ofExperts = options.calibratesAllExperts ? 2 * work.passesOfAllExperts : 0
    let passes = (3 + ofExperts) * batches * forward
    let streamByteCount = Double(
      2 * samples * setup.sampleByteCount)
    let streams = streamByteCount * secondsPerStreamByte
    let iterations = setup.needs.gradients ? Double(options.iterations) : 0
    let blockSeconds = sample.otherSeconds + iterations * iteration + passes + streams
    let blockCount = blocks.count(where: table.quantizes)
    // A block with nothing to quantize is passed through by both streams.
    let passing = Double(blocks.count - blockCount) * (2 * batches * forward + streams)
    let heldOut = Double(heldOutTokenCount) / Double(max(1, batch * tokens))
    // The result, the source, and what plain rounding gives; the head takes a quarter as much.
    let measured = 1.25 * (options.roundsPlainly ? 2 : 3)
    var otherSeconds =
      Double(setup.model.checkpoint.byteCount) * secondsPerSourceByte
      + measured * heldOut * forward * Double(blocks.count) + passing
    let description = setup.model.description
    if table[description.headModule] != nil {
      let head = Double(description.vocabularySize) * Double(description.hiddenSize)
      otherSeconds += blockSeconds * head / work.weights
    }
    return TimeEstimate(
      blockSeconds: blockSeconds, blockCount: blockCount, otherSeconds: otherSeconds,
      measuringSeconds: (ContinuousClock.now - started) / .seconds(1),
      processorShare: sample.processorShare)
  }

  /// Writing a block's streams to the disk, with their digest.
  private static let secondsPerStreamByte = 2e-9
  /// Copying, reading again and comparing.
  private static let secondsPerSourceByte = 8e-9
}

/// What a block computes.
private struct BlockWork {
  private let block: any DecoderBlock

  init(_ block: any DecoderBlock) { self.block = block }

  /// Weights of all linear layers.
  var weights: Double {
    block.linearLayers.reduce(0) { $0 + Double($1.outputs) * Double($1.inputs) }
  }

  /// Forward passes of the block that take as long as one of all its experts on all tokens.
  var passesOfAllExperts: Double {
    var (all, chosen) = (0.0, 0.0)
    for experts in block.allExperts {
      let own = BlockWork(experts).weights
      all += own
      chosen +=
        own * Double(experts.experts.routing.perToken) / Double(experts.experts.experts.count)
    }
    return all / max(weights - all + chosen, 1)
  }

  /// Floating-point operations of a step: the three products of each layer, and those of attention.
  func operations(_ batch: Int, _ tokens: Int) -> Double {
    // Queries with keys and the mixing of values, under the causal mask, and both passes back.
    let attention = 2.0 * Double(tokens) * Double(block.width)
    return 6 * Double(batch * tokens) * (weights + attention)
  }

  /// Operations in a second, by the block's largest product.
  func productRate(compute: ComputeType) throws -> Double {
    let largest = block.linearLayers.max { $0.outputs * $0.inputs < $1.outputs * $1.inputs }
    guard let largest else { return 1e9 }
    let shape = ProductShape(
      m: 256, n: largest.outputs, k: largest.inputs, transposesB: true, input: compute.product,
      output: compute.product)
    let seconds = try ProductTiming.seconds(shape, repetitions: 3)
    return 2 * 256 * Double(largest.outputs) * Double(largest.inputs) / max(seconds, 1e-6)
  }

  /// As much of a step as takes about `budget` operations: fewer samples, or a part of one.
  func shape(batch: Int, tokens: Int, within budget: Double) -> (batch: Int, tokens: Int) {
    let whole = operations(batch, tokens)
    guard whole > budget else { return (batch, tokens) }
    let samples = Int(Double(batch) * budget / whole)
    if samples >= 1 { return (samples, tokens) }
    var part = tokens
    while part > 64, operations(1, part) > budget { part = (part + 1) / 2 }
    return (1, part)
  }
}

/// How long the parts of tuning a block take.
private struct MeasuredBlock {
  /// One step; of a block in portions, one of each.
  var iterationSeconds = 0.0
  /// Rounding the weights and changing the offsets, which is part of a step.
  var weightSeconds = 0.0
  /// One batch forward.
  var forwardSeconds = 0.0
  /// What is done once for a block.
  var otherSeconds = 0.0
  /// Time of the processors beside time of the clock, while steps were computed.
  var processorShare = 1.0

  /// Tunes a block for a few steps.
  static func measure(
    _ index: Int, _ setup: CalibrationSetup, _ table: SchemeTable, _ modifier: any Modifier
  ) throws -> MeasuredBlock {
    var measured = MeasuredBlock()
    func elapsed(since start: ContinuousClock.Instant) -> Double {
      (ContinuousClock.now - start) / .seconds(1)
    }
    let watch = StepWatch()
    let progress = UnitProgress(observe: watch.observe, checkStop: {})
    let noise = Self.noise(setup)
    let states = HiddenStates(original: noise.copy(), quantized: noise.copy())
    let units = CalibratedUnits(setup, table, states)
    guard let program = try units.unit(index, progress: progress).calibrated?.program else {
      preconditionFailure("a block of a model that is run is calibrated")
    }
    program.program.activations = table.keysAndValues == nil ? .passed : .observed
    let second = noise.copy()
    var start = ContinuousClock.now
    program.advance(second)
    measured.forwardSeconds = elapsed(since: start)

    states.original.copy(from: noise)
    start = .now
    let unit = try units.unit(index, progress: progress)
    _ = try modifier.shortened().sequentialEpochEnd(unit)
    let whole = elapsed(since: start)
    let (steps, stepSeconds) = watch.steps
    measured.iterationSeconds = steps
    measured.processorShare = watch.processorShare(of: ThreadTeam.size)
    measured.weightSeconds = try Self.weightSeconds(unit, setup)
    let known = stepSeconds + 3 * measured.forwardSeconds
    // Reading the weights and preparing for them is part of a block; recording its program is not.
    measured.otherSeconds = max(0, whole - known)
    return measured
  }

  /// Hidden states that are not all the same.
  private static func noise(_ setup: CalibrationSetup) -> ActivationCache {
    let compute = setup.device.compute
    let cache = ActivationCache(
      sampleCount: setup.sampleCount, sampleByteCount: setup.sampleByteCount, device: setup.device)
    var generator = MersenneTwister(seed: 1)
    let row = (0..<4099).map { _ in Float(generator.next() % 2001) / 1000 - 1 }
    let count = setup.sampleCount * setup.sampleByteCount / compute.byteCount
    let values = Tensor((0..<count).map { row[$0 % row.count] }, shape: [count])
    values.converted(to: compute.dtype).withUnsafeBytes { cache[0].upload($0) }
    return cache
  }

  /// Both passes over the weights, by those of the largest layer.
  private static func weightSeconds(_ unit: TuningUnit, _ setup: CalibrationSetup) throws -> Double
  {
    let total = unit.layers.reduce(0) { $0 + $1.weight.count }
    guard let largest = unit.layers.max(by: { $0.weight.count < $1.weight.count }) else { return 0 }
    let weight = largest.weight
    let device = setup.device
    let quantizer = try largest.makeQuantizer(on: device, isTuned: true)
    let ones = Tensor([Float](repeating: 1, count: weight.count), shape: weight.shape)
    let gradient = DeviceRange(device.makeBuffer(of: ones))
    let dtype = device.compute.dtype
    let output = DeviceRange(device.makeBuffer(byteCount: weight.count * dtype.byteCount))
    var seconds: [Double] = []
    for _ in 0..<3 {
      let start = ContinuousClock.now
      quantizer.quantizeDequantize(into: output, dtype: dtype, rowStride: largest.grouping.columns)
      quantizer.step(gradient: gradient, learningRate: 1e-3, rangeLearningRate: 1e-3)
      seconds.append((ContinuousClock.now - start) / .seconds(1))
    }
    return seconds.sorted()[1] * Double(total) / Double(weight.count)
  }
}

extension Modifier {
  /// The same with a few steps, if it takes any.
  fileprivate func shortened() throws -> any Modifier {
    guard self is AutoRoundModifier else { return self }
    return AutoRoundModifier(
      try options.overriding(OptionOverrides { $0.iterations = min(options.iterations, 4) }))
  }
}

/// Notes when steps are done.
private final class StepWatch {
  /// For each portion of the block.
  private var times: [[ContinuousClock.Instant]] = [[]]
  private var processorSeconds: [Double] = []

  func observe(_ event: RunEvent) {
    if case .portionStarted = event { times.append([]) }
    guard case .iteration = event else { return }
    times[times.count - 1].append(.now)
    processorSeconds.append(ProcessUsage.processorSeconds)
  }

  /// The seconds of a step, added up over the portions, and those of all steps.
  var steps: (one: Double, all: Double) {
    var (one, all) = (0.0, 0.0)
    for times in times {
      let seconds = zip(times, times.dropFirst()).map { ($1 - $0) / .seconds(1) }.sorted()
      let middle = seconds.isEmpty ? 0 : seconds[seconds.count / 2]
      one += middle
      all += Double(times.count) * middle
    }
    return (one, all)
  }

  /// What the steps got of the time of `threads` processors; 1 if too little was seen to say.
  func processorShare(of threads: Int) -> Double {
    let times = times.flatMap(\.self)
    guard let first = times.first, let last = times.last, first < last else { return 1 }
    let seconds = (last - first) / .seconds(1)
    return min(1, (processorSeconds.last! - processorSeconds[0]) / (seconds * Double(threads)))
  }
}
