import Diagnostics
import Execution
import Quantization
import Recipes
import Reporting
import Tuning

extension AutoRoundModifier {
  /// Rounds or tunes the layers of a unit; with them its inputs' scales.
  func applyAutoRound(_ unit: TuningUnit) throws -> UnitResult {
    guard let calibrated = unit.calibrated else { return try unit.quantize(with: quantize) }
    let started = ContinuousClock.now
    let scarce = scarceLayers(calibrated)
    var layers = try zip(unit.layers, calibrated.parts).enumerated().map { index, pair in
      let (layer, part) = pair
      return TunedLayer(
        name: layer.shortName, bitCount: layer.arguments.bitCount, part: part,
        quantizer: try naming(layer.name) {
          try layer.makeQuantizer(
            on: calibrated.device, isTuned: options.iterations > 0 && !scarce.contains(index))
        })
    }
    let (rounded, outcome) = try tune(layers, without: scarce, of: unit, calibrated)
    var weights: [QuantizedWeight] = []
    // What tuning holds of a layer makes room for the weights that are finished.
    layers.reverse()
    while let layer = layers.popLast() {
      let name = unit.layers[weights.count].name
      weights.append(try naming(name) { try layer.quantizer.finished() })
    }
    return try unit.result(
      weights, rounded: rounded, outcome: outcome, scarce: scarce, since: started)
  }

  /// The layers of experts that fewer tokens reach than tuning asks for; none where nothing is tuned.
  private func scarceLayers(_ calibrated: CalibratedUnit) -> Set<Int> {
    guard options.iterations > 0 else { return [] }
    return Set(
      calibrated.tokensOfLayers.indices.filter {
        calibrated.tokensOfLayers[$0].map { $0 < options.expertTokenLimit } ?? false
      })
  }

  /// Leaves the best parameters in the quantizers, and their weights in the program.
  ///
  /// - Parameter scarce: Layers that are rounded with searched scales instead.
  /// - Returns: The errors of rounding to nearest, and what tuning came to; nil where nothing is tuned.
  private func tune(
    _ layers: [TunedLayer], without scarce: Set<Int>, of unit: TuningUnit,
    _ calibrated: CalibratedUnit
  ) throws -> (rounded: TokenErrors, outcome: TuningOutcome?) {
    let iterations = options.iterations
    var settings = TuningSettings(
      iterations: iterations, learningRate: options.learningRate, batchSize: calibrated.batchSize,
      gradientAccumulationSteps: calibrated.gradientAccumulationSteps, seed: UInt64(options.seed))
    settings.momentum = Float(options.momentum)
    settings.suppressesOutliers =
      options.algorithm == .signRoundV2 && unit.layers.contains(where: \.scheme.isCoarse)
    func tuner(_ layers: [TunedLayer]) -> BlockTuner {
      BlockTuner(
        block: calibrated.program, layers: layers, inputScales: calibrated.inputScales,
        settings: settings)
    }
    let all = tuner(layers)
    all.quantizeWeights()
    let rounded = calibrated.errors()
    let searched = layers.indices.filter {
      options.searchesScales || scarce.contains($0) && !options.disablesOptimizedRounding
    }
    for index in searched {
      layers[index].quantizer.searchScales(importance: calibrated.importances[index])
    }
    if !searched.isEmpty { all.quantizeWeights() }
    let tuned = layers.indices.filter { !scarce.contains($0) }.map { layers[$0] }
    guard iterations > 0, !tuned.isEmpty else { return (rounded, nil) }
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
    return (rounded, outcome)
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
