import Checkpoints
import CompressedTensors
import Compute
import Diagnostics
import Execution
import LanguageModels
import Quantization
public import Recipes
import Reporting
import Tensors

/// Quantizes linear layers with AutoRound: for each decoder block, learns a rounding offset for every
/// weight and two range scales for every group, by signed gradient descent on the block's output error.
///
/// ```swift
/// let modifier = try AutoRoundModifier(scheme: "W4A16", ignore: ["lm_head"])
/// try oneshot(model: folder, modifier: modifier, output: output)
/// ```
public final class AutoRoundModifier: Modifier, Sendable {
  /// Every option, settled.
  public let options: ResolvedOptions

  /// The scheme as it was asked for: a preset, presets with their targets, or groups.
  public var scheme: AutoRoundOptions.SchemeSelection? { options.scheme }
  /// The groups of layers with their schemes.
  public var configGroups: [AutoRoundOptions.ConfigGroup] { options.groups }
  /// What the schemes apply to: class names, module names, or `re:` and a regular expression.
  public var targets: [String] { options.groups.flatMap(\.scheme.targets) }
  /// What stays as it is, named like ``targets``.
  public var ignore: [String] { options.ignore }
  /// Steps of tuning for each block; 0 rounds to nearest.
  public var iterations: Int { options.iterations }
  /// The first step's size.
  public var learningRate: LearningRate { options.learningRate }
  /// Samples of a step.
  public var batchSize: Int { options.batchSize }

  /// A modifier with settled options.
  public init(_ options: ResolvedOptions) {
    self.options = options
  }

  /// A modifier for one preset scheme, such as `W4A16`.
  ///
  /// - Throws: An error that lists the presets if there is none of this name, or that names a value that
  ///   has no meaning.
  public convenience init(
    scheme: String = "W4A16", targets: [String] = ["Linear"], ignore: [String] = ["lm_head"],
    iterations: Int? = nil, learningRate: Double? = nil, batchSize: Int? = nil
  ) throws {
    try self.init(
      ResolvedOptions(
        recipe: AutoRoundOptions(scheme: .preset(scheme), targets: targets, ignore: ignore) {
          $0.iterations = iterations
          $0.learningRate = learningRate
          $0.batchSize = batchSize
        }))
  }

  /// A modifier for groups of layers with a scheme each.
  public convenience init(
    configGroups: [AutoRoundOptions.ConfigGroup], ignore: [String] = ["lm_head"],
    iterations: Int? = nil, learningRate: Double? = nil, batchSize: Int? = nil
  ) throws {
    try self.init(
      ResolvedOptions(
        recipe: AutoRoundOptions(scheme: .groups(configGroups), ignore: ignore) {
          $0.iterations = iterations
          $0.learningRate = learningRate
          $0.batchSize = batchSize
        }))
  }

  // MARK: Lifecycle

  public func initialize(_ state: SessionState) throws {
    let resolution = try SchemeResolution.resolve(
      groups: options.groups.map { ($0.name, $0.scheme) }, ignore: ignore,
      modules: state.model.description.modules, origin: .recipe)
    for entry in resolution.unmatchedIgnores {
      state.warn("ignore: \(quoted(entry)) matches no layer of the model")
    }
    for remark in resolution.remarks { state.warn(remark) }
    var schemes = resolution.schemes
    let description = state.model.description
    let head = description.headModule
    if options.head == .quantize { try requireHead(head, schemes, state) }
    for module in description.modules
    where schemes[module.name] != nil && !state.isInsideBlock(module.name) {
      if module.name == head, options.head == .quantize { continue }
      schemes[module.name] = nil
      let remark = try options.remark(onKeptHead: module, isTied: description.end.isTied)
      if let remark { state.warn(remark) }
    }
    guard !schemes.isEmpty else {
      throw InputError(
        .invalidValue, place: "targets", "no linear layer of a decoder block is left to quantize")
    }
    let remark = options.remark(onMissingSearch: schemes, of: description.modules.map(\.name))
    if let remark { state.warn(remark) }
    warnAboutLargeSteps(state)
    state.assign(schemes)
    state.keyValueScheme = options.keyValueCacheScheme
    state.wantsInputSquares = options.searchesScales(in: schemes)
    state.training = iterations > 0 ? .matrices : .nothing
    state.gradientPrecision = try options.gradientPrecision(
      for: state.device.compute, hiddenSize: description.hiddenSize)
  }

  public func sequentialEpochEnd(_ block: CalibratedBlock, _ state: SessionState) throws {
    try applyAutoRound(block, state)
  }

  public func headEpochEnd(_ head: CalibratedHead, _ state: SessionState) throws {
    try tune(head, state)
  }

  public func end(_ state: SessionState) throws {
    warnAboutLosses(state)
  }

  public func finalize(_ state: SessionState) throws {
    // Every block that has a layer to quantize must have been through applyAutoRound, and the head.
    let expected = state.model.description.blocks.filter(state.quantizes)
    let names =
      expected.map(\.name) + (state.quantizesHead ? [state.model.description.headModule] : [])
    let missing = Set(names).subtracting(state.blocks.map(\.name))
    guard missing.isEmpty else {
      throw InputError(
        .missing, place: missing.sorted().joined(separator: ", "),
        "not every block was tuned; no checkpoint is written")
    }
  }

  /// Tunes the block's layers, hands their integers to the output, and carries the quantized stream on.
  func applyAutoRound(_ block: CalibratedBlock, _ state: SessionState) throws {
    guard let inputs = state.quantizedStream ?? block.firstInputs else {
      preconditionFailure("blocks come in order from the first")
    }
    state.quantizedStream = inputs
    let layers = try makeLayers(block, state)
    let scaleDType = state.model.scaleDType(
      ofBlock: PlacedBlock(name: block.name, block: block.structure))
    let keyValueScales = try block.program.calibrateKeysAndValues(
      state.keyValueScheme, dtype: scaleDType)
    let inputScales = try block.program.calibrateInputs(on: inputs, dtype: scaleDType)
    block.program.program.activations = .quantized
    for scale in keyValueScales {
      try state.commit(scale: scale.value, named: "\(block.name).\(scale.name)")
    }
    guard !layers.isEmpty else {
      // No weights to quantize here: the quantized stream passes through the block.
      BlockRunner(block.program).advance(inputs)
      return
    }

    try tune(
      TunedUnit(
        index: block.index, name: block.name, program: block.program, layers: layers,
        modules: layers.map { "\(block.name).\($0.name)" },
        importances: layers.map { block.inputSquares?[$0.part.parameter] },
        inputScales: inputScales, inputs: inputs, targets: block.outputs,
        // What the next block will see when the model runs quantized.
        outputs: inputs, batchSize: batchSize), state)
    try commitInputScales(inputScales, of: block, state)
  }

  // MARK: Parts

  /// Throws if the head cannot be quantized: it is tied, no target matches it, or an
  /// entry of `ignore` does.
  private func requireHead(
    _ head: String, _ schemes: [String: QuantizationScheme], _ state: SessionState
  ) throws {
    guard !state.model.description.end.isTied else {
      throw InputError(
        .unsupported, source: options.headSource, place: head,
        "the head shares its weights with the embedding (tied) and cannot be quantized"
      )
    }
    guard schemes[head] != nil else {
      throw InputError(
        .invalidValue, source: options.headSource, place: head,
        "no target matches it, or an entry of ignore does")
    }
  }

  /// Each layer gets the scale of its input, which several may share.
  private func commitInputScales(
    _ scales: [CalibratedScale], of block: CalibratedBlock, _ state: SessionState
  ) throws {
    for (layer, rounding) in block.program.activations.inputs.sorted(by: { $0.key < $1.key }) {
      let name = "\(block.name).\(layer)"
      guard let scale = scales.first(where: { $0.name == rounding.scale }),
        let suffix = TensorSuffix.scale(ofInputs: state.schemes[name]?.inputActivations)
      else { continue }
      try state.commit(scale: scale.value, named: suffix.name(of: name))
    }
  }

  private func makeLayers(_ block: CalibratedBlock, _ state: SessionState) throws -> [TunedLayer] {
    let parts = block.program.program.parameterParts
    let globalScales = try globalScales(of: block, state)
    return try block.structure.linearLayers.compactMap { layer in
      let name = "\(block.name).\(layer.name)"
      guard let arguments = state.schemes[name]?.weights else { return nil }
      guard let part = parts.first(where: { $0.name == "\(layer.name).weight" }) else {
        preconditionFailure("the program of \(block.name) has no weight for \(layer.name)")
      }
      let weight = try layer.readWeight(in: block.name, from: state.model.checkpoint)
      let quantizer = try naming(name) {
        try arguments.makeWeightQuantizer(
          for: weight, scaleDType: weight.dtype, globalScale: globalScales[layer.name],
          isTuned: iterations > 0)
      }
      return TunedLayer(
        name: layer.name, bits: arguments.numBits, part: part, quantizer: quantizer)
    }
  }

  /// The scales of whole weights in NVFP4. Layers that read the same values share theirs, because
  /// runtimes put their weights into one.
  private func globalScales(
    of block: CalibratedBlock, _ state: SessionState
  ) throws -> [String: Float] {
    var scales: [String: Float] = [:]
    for layers in block.structure.layersOfOneInput {
      let sharing = layers.filter {
        state.schemes["\(block.name).\($0)"]?.weights?.floatFormat == .nvfp4
      }
      let scale = try naming(sharing.first.map { "\(block.name).\($0)" } ?? block.name) {
        try FloatWeightQuantizer.globalScale(
          of: sharing.map { try state.model.checkpoint.tensor("\(block.name).\($0).weight") })
      }
      for layer in sharing { scales[layer] = scale }
    }
    return scales
  }
}

extension QuantizationScheme {
  /// Whether SignRoundV2 leaves outliers out of the loss: weights whose scales are searched for, of less
  /// than 4 bits or beside inputs of at most 4.
  var isCoarse: Bool {
    guard let weights, weights.hasScaleSearch else { return false }
    return weights.numBits < 4 || inputActivations.map { $0.numBits <= 4 } ?? false
  }
}

extension SessionState {
  /// Whether a module belongs to a decoder block.
  func isInsideBlock(_ module: String) -> Bool {
    model.description.blocks.contains { module.hasPrefix($0.name + ".") }
  }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
