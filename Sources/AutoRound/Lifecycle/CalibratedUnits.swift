import Calibration
import Checkpoints
import Compute
import Diagnostics
import Execution
import LanguageModels
import Quantization
import QuantizedCheckpoints
import Recordings
import Tensors
import Tuning

/// Carries the hidden states of all samples through a model, and makes a unit of each decoder block, and of the head
/// if it is quantized.
///
/// The full-precision stream is advanced here, a block's outputs being the next one's inputs; that of the quantized
/// model when a unit has its result.
final class CalibratedUnits: UnitSource {
  private let setup: CalibrationSetup
  private let table: SchemeTable
  private let checkpoint: Checkpoint
  /// The decoder blocks, quantizing activations as the schemes say.
  private let blocks: [PlacedBlock]
  private let states: HiddenStates
  private let programs: ProgramStore

  var streams: HiddenStates? { states }

  init(_ setup: CalibrationSetup, _ table: SchemeTable, _ states: HiddenStates) {
    (self.setup, self.table, self.states) = (setup, table, states)
    checkpoint = setup.model.checkpoint
    blocks = setup.blocks(table)
    programs = ProgramStore(
      device: setup.device, batch: setup.batch, training: setup.training,
      gradientPrecision: setup.gradientPrecision, keepsOne: true)
  }

  func unit(_ index: Int, progress: UnitProgress) throws -> TuningUnit {
    guard index < blocks.count else {
      return try naming(setup.model.description.headModule) { try head(index, progress) }
    }
    return try naming(blocks[index].name) { try block(index, progress) }
  }

  // MARK: Blocks

  private func block(_ index: Int, _ progress: UnitProgress) throws -> TuningUnit {
    let placed = blocks[index]
    let block = try programs.program(for: placed, tokens: setup.tokenCount)
    let program = block.program
    try block.load(placed.name, from: checkpoint, hasScales: false)
    if setup.portionCount > 1 { SystemMemory.releaseFreed() }
    // The stream is that of the model as it was; keys and values are looked at on the way.
    program.activations = table.keysAndValues == nil ? .passed : .observed
    program.observed = [:]
    // Experts that few tokens reach are rounded by what their inputs weigh.
    let needsSquares = setup.needs.importance || setup.needs.gradients && program.hasExperts
    let all = setup.options.calibratesAllExperts ? try ExpertCalibration(block) : nil
    program.inputSquares = needsSquares ? [:] : nil
    program.expertTokens = [:]
    all?.collectSquares()
    block.advance(states.original, with: needsSquares ? all : nil)
    let squares = program.inputSquares.map { all?.squares(replacing: $0) ?? $0 }
    let expertTokens = program.expertTokens ?? [:]
    (program.inputSquares, program.expertTokens) = (nil, nil)

    let dtype = setup.model.scaleDType(ofBlock: placed)
    let keyValueScales = try block.calibrateKeysAndValues(table.keysAndValues, dtype: dtype)
    let inputScales = try block.calibrateInputs(
      on: states.quantized, dtype: dtype, with: all)
    program.activations = .quantized
    // Each layer gets the scale of its input, which several may share.
    let named = block.activations.inputs.sorted { $0.key < $1.key }
      .compactMap { layer, rounding -> CalibratedUnit.NamedScale? in
        let name = "\(placed.name).\(layer)"
        guard let scale = inputScales.first(where: { $0.name == rounding.scale }),
          let kind = ActivationScale.ofInputs(table[name]?.inputActivations)
        else { return nil }
        return (kind.name(of: name), scale)
      }
    let experts = placed.block.expertsOfLayers
    let bound = Dictionary(
      program.parameterParts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let layers = try layers(of: placed) { layer, weight in
      // One that is made of small floats is in memory once.
      guard let part = bound["\(layer.name).weight"], part.isMade else { return }
      program.load(weight, into: part)
    }
    let parts = layers.map { layer in
      guard let part = bound["\(layer.shortName).weight"] else {
        preconditionFailure("the program of \(placed.name) has no weight for \(layer.name)")
      }
      return part
    }
    return TuningUnit(
      index: index, name: placed.name, layers: layers,
      calibrated: CalibratedUnit(
        device: setup.device, program: block, parts: parts,
        importances: parts.map { program.squares(of: $0, in: squares) },
        expertTokens: expertTokens.sorted { $0.key.index < $1.key.index }.flatMap(\.value),
        tokensOfLayers: parts.map { program.tokens(reaching: $0, of: expertTokens) },
        inputScales: inputScales, namedInputScales: named,
        keyValueScales: keyValueScales.map { ("\(placed.name).\($0.name)", $0) },
        inputs: states.quantized, targets: states.original, isFollowed: true,
        portions: Portion.cut(layers.map { experts[$0.shortName] }, into: setup.portionCount),
        batchSize: setup.options.batchSize,
        gradientAccumulationSteps: setup.options.gradientAccumulation),
      progress: progress)
  }

  /// - Parameter body: Called with each weight.
  private func layers(
    of placed: PlacedBlock, _ body: (LayerSlot, Tensor) -> Void
  ) throws -> [LayerView] {
    func fullName(_ layer: String) -> String { StoredMatrix.fullName(layer, in: placed.name) }
    let linear = placed.block.linearLayers
    let slots = Dictionary(uniqueKeysWithValues: linear.map { (fullName($0.name), $0) })
    // Layers that read the same values are siblings, but of experts those of each.
    let siblings = placed.block.layersOfOneMatrix.map { $0.map(fullName) }
    let globalScales = try table.globalScales(sharedBy: siblings) { name in
      try slots[name]?.readWeight(in: placed.name, from: checkpoint)
    }
    return try linear.compactMap { layer in
      let name = fullName(layer.name)
      return try table.view(of: name, shortName: layer.name, globalScale: globalScales[name]) {
        let weight = try layer.readWeight(in: placed.name, from: checkpoint)
        body(layer, weight)
        return weight
      }
    }
  }

  // MARK: The head

  /// The head on its own outputs: the error of the logits takes the place of a block's. A step takes as many tokens
  /// as one of a block, but pieces of samples by themselves: tokens do not depend on each other here, and the logits
  /// of a whole sample can be large.
  private func head(_ index: Int, _ progress: UnitProgress) throws -> TuningUnit {
    let description = setup.model.description
    let name = description.headModule
    let tokens = setup.headTokenCount
    let pieces = setup.tokenCount / tokens
    let block = try BlockProgram(
      description.end, activations: setup.endActivations(table), batch: 1, tokens: tokens,
      device: setup.device, training: setup.training, gradientPrecision: setup.gradientPrecision)
    try block.load("", from: checkpoint, hasScales: false)
    let original = try BlockProgram(
      description.end, batch: 1, tokens: tokens, device: setup.device, training: .nothing)
    try original.load("", from: checkpoint)
    func cut(_ stream: ActivationCache) -> ActivationCache {
      stream.cut(into: pieces, of: tokens, byteCount: setup.hiddenByteCount / pieces)
    }
    let (originals, inputs) = (cut(states.original), cut(states.quantized))
    let head = description.end.head
    guard
      let layer = try table.view(
        of: name, shortName: name, weight: { try head.readWeight(in: "", from: checkpoint) }),
      let part = block.program.parameterParts.first(where: \.isMatrix),
      let matrix = original.program.parameterParts.first(where: \.isMatrix)
    else { preconditionFailure("a head without a scheme is not tuned") }

    if setup.needs.importance {
      original.program.inputSquares = [:]
      original.forEachBatch(of: originals) { _, _ in }
    }
    let squares = original.program.inputSquares
    original.program.inputSquares = nil
    let inputScales = try block.calibrateInputs(on: inputs, dtype: layer.weight.dtype)
    block.program.activations = .quantized
    return TuningUnit(
      index: index, name: name, layers: [layer],
      calibrated: CalibratedUnit(
        device: setup.device, program: block, parts: [part],
        importances: [squares?[matrix.parameter]],
        inputScales: inputScales, namedInputScales: inputScales.map { ($0.name, $0) },
        keyValueScales: [], inputs: inputs, targets: HeadTargets(original, inputs: originals),
        isFollowed: false, portions: [Portion(layers: [0], experts: nil)], batchSize: 1,
        gradientAccumulationSteps: setup.options.batchSize * pieces
          * setup.options.gradientAccumulation),
      progress: progress)
  }
}

extension ActivationCache {
  /// The same hidden states as shorter samples, `pieces` for each, without those of which no token counts.
  ///
  /// - Parameters:
  ///   - tokens: Tokens of a piece.
  ///   - byteCount: Bytes of their hidden states.
  fileprivate func cut(into pieces: Int, of tokens: Int, byteCount: Int) -> ActivationCache {
    guard pieces > 1 else { return self }
    var parts: [(sample: Int, piece: Int, mask: SampleMask?)] = []
    for sample in 0..<sampleCount {
      for piece in 0..<pieces {
        let mask = masks?[sample].part(piece * tokens..<(piece + 1) * tokens)
        if mask?.countedCount != 0 { parts.append((sample, piece, mask)) }
      }
    }
    let result = ActivationCache(
      sampleCount: parts.count, sampleByteCount: byteCount, device: device)
    result.masks = masks.map { _ in parts.compactMap(\.mask) }
    for (index, part) in parts.enumerated() {
      result[index].copy(from: self[part.sample] + part.piece * byteCount, byteCount: byteCount)
    }
    return result
  }
}
