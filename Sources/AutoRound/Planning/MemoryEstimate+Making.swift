import Checkpoints
import Compute
import Execution
import LanguageModels
import Quantization
import Recipes
import Recordings
import Tensors
import Tuning

/// What a run takes, by the number of portions that blocks of experts are tuned in.
struct MemoryEstimates {
  private var besides = MemoryEstimate(process: 0, block: 0, tuning: 0, streams: 0, mapped: 0)
  private var blocks: Set<TuningMemory> = []
  /// What is taken at other times than while blocks are tuned, and pages of files that are read where they lie.
  private var ends: [(own: Int, mapped: Int)] = []

  /// Adds up what the largest block needs.
  ///
  /// - Parameters:
  ///   - windows: Samples that the result is measured on.
  ///   - process: What the process takes before it works.
  init(
    _ setup: CalibrationSetup, _ table: SchemeTable, _ source: LayeredCheckpoint, windows: Int,
    process: Int
  ) throws {
    let (options, tokens) = (setup.options, setup.tokenCount)
    let compute = setup.device.compute
    besides.streams = 2 * setup.sampleCount * setup.sampleByteCount
    besides.process = process + MemoryEstimate.libraries
    if compute == .float32 {
      besides.process += ThreadTeam.size * MemoryEstimate.productByteCount
    }
    let isTuned = setup.needs.gradients
    let tuned = isTuned ? LearningRateSchedule.offsets(iterations: options.iterations) : nil
    var programs: [PlacedBlock.Kind: Int] = [:]
    func calibration(_ placed: PlacedBlock) -> Int {
      guard options.calibratesAllExperts else { return 0 }
      return ExpertCalibration.byteCount(
        placed.block, activations: placed.activations, tokens: setup.batch * tokens,
        device: setup.device)
    }
    for placed in setup.blocks(table) {
      let key = placed.kind
      if programs[key] == nil {
        // What calibrates all experts is gone before anything is learned, but what was learned for the block before may
        // not have been given back.
        programs[key] =
          BlockProgram.byteCount(
            placed.block, activations: placed.activations, batch: setup.batch, tokens: tokens,
            device: setup.device, training: setup.training,
            gradientPrecision: setup.gradientPrecision) + calibration(placed)
      }
      besides.block = max(besides.block, programs[key] ?? 0)
      let experts = placed.block.expertsOfLayers
      let layers = try placed.block.linearLayers.compactMap { layer -> TuningMemory.Layer? in
        let name = "\(placed.name).\(layer.name)"
        guard let arguments = table[name]?.weights, let info = source.info("\(name).weight")
        else { return nil }
        return try TuningMemory.Layer(
          arguments, rows: layer.outputs, columns: layer.inputs, dtype: info.dtype,
          expert: experts[layer.name], offsets: tuned,
          keepsGradients: isTuned && (options.momentum > 0 || options.gradientAccumulation > 1),
          isMapped: !source.isMade(info.name))
      }
      blocks.insert(TuningMemory(layers, isTuned: isTuned))
    }
    // One tensor is made at a time.
    besides.block += source.largestPassing
    try addHead(setup, table, source, offsets: tuned)
    addEnds(setup, table, windows: windows)
  }

  /// Notes what the run takes before and behind the blocks.
  private mutating func addEnds(_ setup: CalibrationSetup, _ table: SchemeTable, windows: Int) {
    let (model, tokens) = (setup.model, setup.tokenCount)
    // While the streams are filled, one of them is not used yet.
    let front = model.description.front.byteCount(
      samples: setup.sampleCount, tokens: tokens, from: model.checkpoint, device: setup.device)
    ends = [(besides.streams / 2 + front.own, front.mapped)]
    guard windows > 0 else { return }
    // The result is compared with its source when the streams are gone: two heads, which have one weight unless it is
    // quantized, when plain rounding has a third; and hidden states of all.
    let piece = LogitProgram.pieceTokens(
      window: tokens, vocabularySize: model.description.vocabularySize)
    let made = table[model.description.headModule] == nil ? 0 : setup.options.roundsPlainly ? 1 : 2
    let heads = LogitProgram.byteCount(
      model, tokens: piece, device: setup.device, programs: max(1 + made, 2), madeCount: made)
    ends.append((heads.own + 3 * windows * setup.sampleByteCount, 2 * heads.mapped))
  }

  /// Adds what tuning the head takes, if it is quantized.
  private mutating func addHead(
    _ setup: CalibrationSetup, _ table: SchemeTable, _ source: LayeredCheckpoint,
    offsets tuned: OffsetType?
  ) throws {
    let (description, compute) = (setup.model.description, setup.device.compute)
    let isTuned = setup.needs.gradients
    guard table[description.headModule] != nil else { return }
    let elements = description.vocabularySize * description.hiddenSize
    // Beside the last block's program, two with the head's weight, the gradient of one of them in f32, with
    // the weight as integers if products are of integers, logits of a piece with their gradient and those in
    // full precision, and both streams if they are cut into pieces.
    let gradient = !isTuned ? 0 : setup.gradientPrecision == .int8 ? 5 : 4
    let piece = setup.headTokenCount
    besides.block +=
      elements * (2 * compute.byteCount + gradient)
      + 3 * piece * description.vocabularySize * compute.byteCount
      + (piece < setup.tokenCount ? besides.streams : 0)
    if let info = source.info(description.end.head.weight.tensor),
      let arguments = table[description.headModule]?.weights
    {
      // Its gradients are always kept: a step takes several pieces of samples.
      besides.tuning =
        try arguments.quantizerByteCount(
          rows: description.vocabularySize, columns: description.hiddenSize, dtype: info.dtype,
          offsets: tuned) + elements * (isTuned ? 4 : 0)
        + elements * QuantizationArguments.finishedBytesPerWeight
    }
    besides.mapped = elements * compute.byteCount
  }

  /// With blocks of experts in so many portions, or as many as they can be cut into.
  subscript(portionCount: Int) -> MemoryEstimate {
    let needs = blocks.map { $0.need(portionCount: portionCount) }
    var estimate = besides
    estimate.tuning = max(besides.tuning, needs.map(\.memory).max() ?? 0)
    estimate.mapped = max(besides.mapped, needs.map(\.mapped).max() ?? 0)
    for end in ends {
      let own = estimate.block + estimate.tuning + estimate.streams
      estimate.block += max(0, end.own - own)
      estimate.mapped += max(0, end.own + end.mapped - max(own, end.own) - estimate.mapped)
    }
    return estimate
  }

  /// The fewest portions that suffice by `fits`; the most that there can be if none do.
  func fewestPortions(where fits: (MemoryEstimate) -> Bool) -> Int {
    let limit = blocks.map(\.portionLimit).max() ?? 1
    return (1..<limit).first { fits(self[$0]) } ?? limit
  }
}

extension MemoryEstimate {
  /// What rounding one layer after another takes, without running the model.
  init(rounding table: SchemeTable, of source: LayeredCheckpoint) throws {
    // Copying a tensor reads a piece of it at a time, but a matrix that is made at once.
    mapped = min(source.tensors.map(\.byteCount).max() ?? 0, OutputFile.pieceByteCount)
    (process, block, tuning, streams) = (Self.currentProcess, 0, 0, 0)
    for info in source.tensors where source.isMade(info.name) {
      let members = info.shape.count > 2 ? max(info.shape[0], 1) : 1
      tuning = max(tuning, info.byteCount / members)
    }
    for (module, scheme) in table.layers {
      guard let arguments = scheme.weights, let info = source.info("\(module).weight")
      else { continue }
      // One layer at a time; what layers share is found in two of them.
      let isMade = source.isMade(info.name)
      if !isMade { mapped = max(mapped, 2 * info.byteCount) }
      tuning = try max(
        tuning,
        (isMade ? 2 * info.byteCount : 0)
          + arguments.quantizerByteCount(
            rows: info.shape[0], columns: info.shape[1], dtype: info.dtype, offsets: nil)
          + info.count * QuantizationArguments.finishedBytesPerWeight)
    }
    tuning += source.largestPassing
    mapped += Self.verificationByteCount
  }

  /// The program before it works.
  static var currentProcess: Int { max(ProcessMemory.currentByteCount, leastProcess) }
  /// What such sizes are compared in where they decide about results.
  static let processStep = 64 << 20

  /// What reading the result again takes: a piece of a file for each thread, and the tables of tensors.
  static let verificationByteCount = 8_000_000
  /// What a process takes that has just been started.
  private static let leastProcess = 24_000_000
  /// What products of f32 take for each thread: a copy of a piece of both factors is made anew for each product,
  /// and the C library finds a new place for it as often as not (measured: 5 to 25 MB on two threads).
  fileprivate static let productByteCount = 6_000_000
  /// What the matrix library makes for its products, the tokenizer and the calibration text; pages of the program that
  /// are read when it comes to them (measured: 11 MB); and what lies between what the C library gave (5 to 15 MB).
  fileprivate static let libraries = 28_000_000
}

extension LayeredCheckpoint {
  /// What making any of its tensors takes for a while.
  fileprivate var largestPassing: Int {
    tensors.reduce(0) { max($0, passingByteCount(of: $1.name)) }
  }
}
