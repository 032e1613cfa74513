import Checkpoints
import Compute
import Diagnostics
import Execution
import LanguageModels
import Quantization
import Recipes
import Recordings
import Reporting
import Tensors
import Tuning

extension TimeEstimate {
  /// Tunes the first block for a few steps and scales that up. Takes ten seconds at the most, or what a few steps on a
  /// part of a sample take if that is more. Of a large block of experts only some are tuned, on as much fewer tokens.
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
    var trial = setup
    let plain = setup.model.description.blocks[first].block
    let fewer = (plain as? ResidualBlock)?.withFewerExperts(
      weightLimit: weightLimit, least: setup.portionCount)
    if let fewer { trial.model.description.blocks[first].block = fewer }
    let weights = fewer.map { work.weights / BlockWork($0).weights } ?? 1
    let shape = work.shape(
      batch: batch, tokens: tokens,
      within: min(1.2 * rate, work.operations(batch, tokens) / weights))
    (trial.sampleCount, trial.tokenCount) = (shape.batch, shape.tokens)
    let sample = try naming(blocks[first].name) {
      try MeasuredBlock.measure(first, trial, table, modifier)
    }

    // A step has a part that follows the tokens, and one that follows the weights alone.
    let growth = work.operations(batch, tokens) / work.operations(shape.batch, shape.tokens)
    let fixed = min(sample.weightSeconds, sample.iterationSeconds)
    // What is measured is a step of one batch.
    let parts = Double(min(batch * options.gradientAccumulation, samples)) / Double(batch)
    let iteration = (sample.iterationSeconds - fixed) * growth * parts + fixed * weights
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
    let blockSeconds = sample.otherSeconds * weights + iterations * iteration + passes + streams
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

  /// Weights of a block of experts that are measured; more take seconds to read and to round alone.
  private static let weightLimit = 1 << 27
  /// Writing a block's streams to the disk, with their digest.
  private static let secondsPerStreamByte = 2e-9
  /// Copying, reading again and comparing.
  private static let secondsPerSourceByte = 8e-9
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

  /// All passes over the weights, by those of the largest layer. Those of experts are made once more, on the way back.
  private static func weightSeconds(_ unit: TuningUnit, _ setup: CalibrationSetup) throws -> Double
  {
    let total = unit.layers.reduce(0) { $0 + $1.weight.count }
    let made = zip(unit.layers, unit.calibrated?.parts ?? []).reduce(0) {
      $0 + ($1.1.isMade ? $1.0.weight.count : 0)
    }
    guard let largest = unit.layers.max(by: { $0.weight.count < $1.weight.count }) else { return 0 }
    let weight = largest.weight
    let device = setup.device
    let quantizer = try largest.makeQuantizer(on: device, isTuned: true)
    let ones = Tensor([Float](repeating: 1, count: weight.count), shape: weight.shape)
    let gradient = DeviceRange(device.makeBuffer(of: ones))
    let dtype = device.compute.dtype
    let output = DeviceRange(device.makeBuffer(byteCount: weight.count * dtype.byteCount))
    var seconds: [(all: Double, making: Double)] = []
    for _ in 0..<3 {
      let start = ContinuousClock.now
      quantizer.quantizeDequantize(into: output, dtype: dtype, rowStride: largest.grouping.columns)
      let making = (ContinuousClock.now - start) / .seconds(1)
      quantizer.step(gradient: gradient, learningRate: 1e-3, rangeLearningRate: 1e-3)
      seconds.append(((ContinuousClock.now - start) / .seconds(1), making))
    }
    let middle = seconds.sorted { $0.all < $1.all }[1]
    return (middle.all * Double(total) + middle.making * Double(made)) / Double(weight.count)
  }
}

extension Modifier {
  /// The same with a few steps, if it takes any.
  fileprivate func shortened() throws -> any Modifier {
    guard self is AutoRoundModifier else { return self }
    return AutoRoundModifier(
      try options.overriding(
        OptionOverrides {
          $0.iterations = min(options.iterations, 4)
          // What is measured is tuning, also on so few tokens that a run would not tune all experts.
          $0.expertTokenLimit = 0
        }))
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
