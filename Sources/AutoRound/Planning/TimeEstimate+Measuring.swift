import Calibration
import Checkpoints
import Compute
import Execution
import LanguageModels
import Quantization
import Recipes
import Reporting
import Tensors

extension TimeEstimate {
  /// Tunes the first block for a few steps and scales that up. Takes ten seconds at the most, or what one
  /// step on a part of a sample takes if that is more.
  ///
  /// - Parameters:
  ///   - state: That of the run which is planned; it is left as it is.
  ///   - heldOutTokenCount: Tokens that the result will be measured on.
  init?(measuring state: SessionState, _ options: ResolvedOptions, heldOutTokenCount: Int) throws {
    let started = ContinuousClock.now
    guard let placed = state.decoderBlocks.first(where: state.quantizes) else { return nil }
    let (samples, tokens) = (state.calibration.samples.count, state.calibration.sequenceLength)
    let batch = min(options.batchSize, samples)
    let work = BlockWork(placed.block)
    let rate = try work.productRate(compute: state.device.compute)
    let shape = work.shape(batch: batch, tokens: tokens, within: 1.2 * rate)
    let sample = try MeasuredBlock(placed, state, options, batch: shape.batch, tokens: shape.tokens)

    // A step has a part that follows the tokens, and one that follows the weights alone.
    let growth = work.operations(batch, tokens) / work.operations(shape.batch, shape.tokens)
    let fixed = min(sample.weightSeconds, sample.iterationSeconds)
    let iteration = (sample.iterationSeconds - fixed) * growth + fixed
    let batches = Double((samples + batch - 1) / batch)
    let forward = sample.forwardSeconds * growth
    // Forward over all samples: for the targets, and for the losses before and after.
    let passes = 3 * batches * forward
    let streamBytes = Double(
      2 * samples * tokens * placed.block.width * state.device.compute.byteCount)
    let streams = streamBytes * Self.secondsPerStreamByte
    blockSeconds = sample.otherSeconds + Double(options.iterations) * iteration + passes + streams
    processorShare = sample.processorShare
    let blocks = state.decoderBlocks
    blockCount = blocks.count(where: state.quantizes)
    // A block with nothing to quantize is passed through by both streams.
    let passing = Double(blocks.count - blockCount) * (2 * batches * forward + streams)
    let heldOut = Double(heldOutTokenCount) / Double(max(1, batch * tokens))
    // The result, the source, and what plain rounding gives; the head takes a quarter as much.
    let measured = 1.25 * (options.roundsPlainly ? 2 : 3)
    otherSeconds =
      Double(state.model.checkpoint.byteCount) * Self.secondsPerSourceByte
      + measured * heldOut * forward * Double(blocks.count) + passing
    if state.quantizesHead {
      let description = state.model.description
      let head = Double(description.vocabularySize) * Double(description.hiddenSize)
      otherSeconds += blockSeconds * head / work.weights
    }
    measuringSeconds = (ContinuousClock.now - started) / .seconds(1)
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
  /// One step.
  var iterationSeconds: Double
  /// Rounding the weights and changing the offsets, which is part of a step.
  var weightSeconds: Double
  /// One batch forward.
  var forwardSeconds: Double
  /// What is done once for a block.
  var otherSeconds: Double
  /// Time of the processors beside time of the clock, while steps were computed.
  var processorShare: Double

  init(
    _ placed: PlacedBlock, _ state: SessionState, _ options: ResolvedOptions, batch: Int,
    tokens: Int
  ) throws {
    func elapsed(since start: ContinuousClock.Instant) -> Double {
      (ContinuousClock.now - start) / .seconds(1)
    }
    let watch = StepWatch()
    let calibration = try CalibrationData(
      samples: Array(repeating: Array(repeating: 0, count: tokens), count: batch),
      sequenceLength: tokens)
    let trial = SessionState(
      model: state.model, device: state.device, calibration: calibration, observer: watch)
    trial.assign(state.schemes)
    trial.keyValueScheme = state.keyValueScheme
    trial.gradientPrecision = state.gradientPrecision
    let program = try trial.program(for: placed, batchSize: batch)
    try program.load(placed.name, from: state.model.checkpoint, hasScales: false)
    let inputs = Self.noise(batch, program)
    let outputs = inputs.copy()
    program.program.activations = state.keyValueScheme == nil ? .passed : .observed
    let runner = BlockRunner(program)
    runner.advance(outputs)
    let second = inputs.copy()
    let start = ContinuousClock.now
    runner.advance(second)
    forwardSeconds = elapsed(since: start)

    let short = try options.overriding(
      OptionOverrides { $0.iterations = min(options.iterations, 4) })
    let tuning = ContinuousClock.now
    try AutoRoundModifier(short).applyAutoRound(
      CalibratedBlock(
        index: 0, name: placed.name, structure: placed.block, program: program,
        firstInputs: inputs, outputs: outputs), trial)
    let whole = elapsed(since: tuning)
    let steps = zip(watch.times, watch.times.dropFirst()).map { ($1 - $0) / .seconds(1) }.sorted()
    iterationSeconds = steps.isEmpty ? 0 : steps[steps.count / 2]
    processorShare = watch.processorShare(of: ThreadTeam.size)
    weightSeconds = try Self.weightSeconds(placed, state)
    let known = Double(short.iterations) * iterationSeconds + 2 * forwardSeconds
    // Reading the weights and preparing for them is part of a block; recording its program is not.
    otherSeconds = max(0, whole - known)
  }

  /// Hidden states that are not all the same.
  private static func noise(_ samples: Int, _ program: BlockProgram) -> ActivationCache {
    let compute = program.program.compute
    let cache = ActivationCache(
      sampleCount: samples, sampleByteCount: program.sequenceByteCount,
      device: program.program.device)
    var generator = MersenneTwister(seed: 1)
    let row = (0..<4099).map { _ in Float(generator.next() % 2001) / 1000 - 1 }
    let count = samples * program.sequenceByteCount / compute.byteCount
    let values = Tensor((0..<count).map { row[$0 % row.count] }, shape: [count])
    values.converted(to: compute.dtype).withUnsafeBytes { cache[0].upload($0) }
    return cache
  }

  /// Both passes over the weights, by those of the largest layer.
  private static func weightSeconds(_ placed: PlacedBlock, _ state: SessionState) throws -> Double {
    let layers = placed.block.linearLayers.filter {
      state.schemes["\(placed.name).\($0.name)"]?.weights != nil
    }
    let total = layers.reduce(0) { $0 + $1.outputs * $1.inputs }
    guard let largest = layers.max(by: { $0.outputs * $0.inputs < $1.outputs * $1.inputs }),
      let arguments = state.schemes["\(placed.name).\(largest.name)"]?.weights
    else { return 0 }
    let weight = try largest.readWeight(in: placed.name, from: state.model.checkpoint)
    let quantizer = try arguments.makeWeightQuantizer(for: weight, scaleDType: weight.dtype)
    let gradient = [Float](repeating: 1, count: weight.count)
    let dtype = state.device.compute.dtype
    let output = UnsafeMutableRawPointer.allocate(
      byteCount: weight.count * dtype.byteCount, alignment: 64)
    defer { output.deallocate() }
    var seconds: [Double] = []
    for _ in 0..<3 {
      let start = ContinuousClock.now
      quantizer.quantizeDequantize(into: output, dtype: dtype, rowStride: largest.inputs)
      gradient.withUnsafeBufferPointer {
        quantizer.step(gradient: $0.baseAddress!, learningRate: 1e-3, rangeLearningRate: 1e-3)
      }
      seconds.append((ContinuousClock.now - start) / .seconds(1))
    }
    return seconds.sorted()[1] * Double(total) / Double(weight.count)
  }
}

/// Notes when steps are done.
private final class StepWatch: RunObserver {
  private(set) var times: [ContinuousClock.Instant] = []
  private var processorSeconds: [Double] = []

  func observe(_ event: RunEvent) {
    guard case .iteration = event else { return }
    times.append(.now)
    processorSeconds.append(ProcessUsage.processorSeconds)
  }

  /// What the steps got of the time of `threads` processors; 1 if too little was seen to say.
  func processorShare(of threads: Int) -> Double {
    guard let (first, last) = times.first.flatMap({ first in times.last.map { (first, $0) } }),
      first < last
    else { return 1 }
    let seconds = (last - first) / .seconds(1)
    return min(1, (processorSeconds.last! - processorSeconds[0]) / (seconds * Double(threads)))
  }
}
