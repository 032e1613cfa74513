import Diagnostics
import Execution
import Quantization
import Recipes
import Reporting
import Tuning

extension AutoRoundModifier {
  /// Rounds or tunes the layers of a unit, all at once or in portions; with the first, its inputs' scales.
  func applyAutoRound(_ unit: TuningUnit) throws -> UnitResult {
    guard let calibrated = unit.calibrated else { return try unit.quantize(with: quantize) }
    let started = ContinuousClock.now
    let (scarce, portions) = (scarceLayers(calibrated), calibrated.portions)
    var rounded = portions.count > 1 ? try roundingErrors(unit, calibrated) : nil
    var outcomes: [(portion: Portion, outcome: TuningOutcome)] = []
    var weights: [QuantizedWeight?] = Array(repeating: nil, count: unit.layers.count)
    for (number, portion) in portions.enumerated() {
      if portions.count > 1 {
        SystemMemory.releaseFreed()
        unit.progress.observe(
          .portionStarted(index: number, count: portions.count, name: portion.name))
      }
      var layers = try portion.layers.map { index in
        (index, try tunedLayer(index, of: unit, calibrated, isTuned: !scarce.contains(index)))
      }
      // What a finished portion was tuned on stays as it is.
      let scales = outcomes.isEmpty ? calibrated.inputScales : []
      let outcome = try tune(layers, scales, without: scarce, of: unit, calibrated, &rounded)
      if let outcome { outcomes.append((portion, outcome)) }
      // What tuning holds of a layer makes room for the weights that are finished.
      layers.reverse()
      while let (index, layer) = layers.popLast() {
        let weight = try naming(unit.layers[index].name) { try layer.quantizer.finished() }
        weights[index] = weight
        guard portions.count > 1 else { continue }
        calibrated.load(weight, intoLayer: index)
        unit.layers[index].weight.releasePages()
      }
    }
    guard let rounded else { preconditionFailure("a unit has at least one portion") }
    return try unit.result(
      weights.compactMap(\.self), rounded: rounded, outcomes: outcomes, scarce: scarce,
      since: started)
  }

  private func tunedLayer(
    _ index: Int, of unit: TuningUnit, _ calibrated: CalibratedUnit, isTuned: Bool
  ) throws -> TunedLayer {
    let layer = unit.layers[index]
    return TunedLayer(
      name: layer.shortName, bitCount: layer.arguments.bitCount, part: calibrated.parts[index],
      quantizer: try naming(layer.name) {
        try layer.makeQuantizer(
          on: calibrated.device, isTuned: options.iterations > 0 && isTuned)
      })
  }

  /// The errors with all layers rounded to nearest. The program has its weights in full precision again then.
  private func roundingErrors(
    _ unit: TuningUnit, _ calibrated: CalibratedUnit
  ) throws -> TokenErrors {
    let layers = try unit.layers.indices.map {
      try tunedLayer($0, of: unit, calibrated, isTuned: false)
    }
    BlockTuner(
      block: calibrated.program, layers: layers, inputScales: calibrated.inputScales,
      settings: settings(unit, calibrated)
    ).quantizeWeights()
    defer { calibrated.restore(unit.layers) }
    return calibrated.errors()
  }

  /// The layers of experts that fewer tokens reach than tuning asks for; none where nothing is tuned.
  private func scarceLayers(_ calibrated: CalibratedUnit) -> Set<Int> {
    guard options.iterations > 0 else { return [] }
    return Set(
      calibrated.tokensOfLayers.indices.filter {
        calibrated.tokensOfLayers[$0].map { $0 < options.expertTokenLimit } ?? false
      })
  }

  private func settings(_ unit: TuningUnit, _ calibrated: CalibratedUnit) -> TuningSettings {
    var settings = TuningSettings(
      iterations: options.iterations, learningRate: options.learningRate,
      batchSize: calibrated.batchSize,
      gradientAccumulationSteps: calibrated.gradientAccumulationSteps, seed: UInt64(options.seed))
    settings.rangeLearningRate = options.rangeLearningRate.map(LearningRate.fixed)
    settings.momentum = Float(options.momentum)
    settings.suppressesOutliers =
      options.algorithm == .signRoundV2 && unit.layers.contains(where: \.scheme.isCoarse)
    return settings
  }

  /// Leaves the best parameters in the quantizers, and their weights in the program.
  ///
  /// - Parameters:
  ///   - numbered: Layers with their positions in the unit.
  ///   - scarce: Positions of layers that are rounded with searched scales instead.
  ///   - rounded: The errors of rounding to nearest, which are measured if they are not known.
  /// - Returns: What tuning came to; nil where nothing is tuned.
  private func tune(
    _ numbered: [(Int, TunedLayer)], _ inputScales: [CalibratedScale], without scarce: Set<Int>,
    of unit: TuningUnit, _ calibrated: CalibratedUnit, _ rounded: inout TokenErrors?
  ) throws -> TuningOutcome? {
    let (iterations, settings) = (options.iterations, settings(unit, calibrated))
    func tuner(_ layers: [(Int, TunedLayer)]) -> BlockTuner {
      BlockTuner(
        block: calibrated.program, layers: layers.map(\.1), inputScales: inputScales,
        settings: settings)
    }
    let all = tuner(numbered)
    all.quantizeWeights()
    rounded = rounded ?? calibrated.errors()
    let searched = numbered.filter { index, _ in
      options.searches(unit.layers[index].arguments)
        || scarce.contains(index) && !options.disablesOptimizedRounding
    }
    for (index, layer) in searched {
      layer.quantizer.searchScales(importance: calibrated.importances[index])
    }
    if !searched.isEmpty { all.quantizeWeights() }
    let tuned = numbered.filter { !scarce.contains($0.0) }
    guard iterations > 0, !tuned.isEmpty else { return nil }
    let outcome = try tuner(tuned).tune(inputs: calibrated.inputs, targets: calibrated.targets) {
      iteration, loss in
      unit.progress.observe(
        .iteration(block: unit.index, iteration: iteration + 1, of: iterations, loss: loss))
      try unit.checkStop()
    }
    // A block that was not tuned never becomes part of a checkpoint.
    guard outcome.losses.count == iterations else {
      throw InputError(
        .missing, place: unit.name,
        "the block had \(outcome.losses.count) of \(iterations) iterations of tuning")
    }
    return outcome
  }
}

extension QuantizationScheme {
  /// Whether SignRoundV2 leaves outliers out of the loss: weights whose scales are searched for, of less
  /// than 4 bits or beside inputs of at most 4.
  fileprivate var isCoarse: Bool {
    guard let weights, weights.hasScaleSearch else { return false }
    return weights.bitCount < 4 || inputActivations.map { $0.bitCount <= 4 } ?? false
  }
}
