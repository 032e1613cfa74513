import Checkpoints
import Compute
import Diagnostics
import Execution
import LanguageModels
import Quantization
import Recipes
import Reporting
import Tensors

/// What is tuned on one output error: the layers of a block, or the head.
struct TunedUnit<Targets: TuningTargets> {
  /// Position in the run, and the name for reports.
  var index: Int
  var name: String
  var program: BlockProgram
  var layers: [TunedLayer]
  /// The full name of each layer's module.
  var modules: [String]
  /// What an error in each column of a layer weighs, for each layer; nil: all the same.
  var importances: [[Float]?]
  var inputScales: [CalibratedScale]
  /// What it reads in the model as it is quantized so far.
  var inputs: ActivationCache
  var targets: Targets
  /// Where the outputs of the quantized layers go; nil: nowhere.
  var outputs: ActivationCache?
  /// Samples that are run at once, and how often before a step.
  var batchSize: Int
  var gradientAccumulationSteps = 1
}

extension AutoRoundModifier {
  /// Rounds or tunes the layers and hands their numbers to the output.
  func tune(_ unit: TunedUnit<some TuningTargets>, _ state: SessionState) throws {
    let started = ContinuousClock.now
    let runner = BlockRunner(unit.program)
    var settings = TuningSettings(
      iterations: iterations, learningRate: learningRate, batchSize: unit.batchSize,
      gradientAccumulationSteps: unit.gradientAccumulationSteps, seed: UInt64(options.seed))
    settings.momentum = Float(options.momentum)
    settings.suppressesOutliers =
      options.algorithm == .signRoundV2
      && unit.modules.contains { state.schemes[$0]?.isCoarse ?? false }
    let tuner = BlockTuner(
      block: unit.program, layers: unit.layers, inputScales: unit.inputScales, settings: settings)
    tuner.quantizeWeights()
    let rounded = runner.errors(on: unit.inputs, targets: unit.targets)
    let roundedLoss = rounded.mean
    if options.searchesScales {
      for (layer, importance) in zip(unit.layers, unit.importances) {
        layer.quantizer.searchScales(importance: importance)
      }
      tuner.quantizeWeights()
    }
    var outcome = TuningOutcome(losses: [], bestIteration: 0, bestLoss: roundedLoss)
    if iterations > 0 {
      outcome = try tuner.tune(inputs: unit.inputs, targets: unit.targets) { iteration, loss in
        state.observer?.observe(
          .iteration(block: unit.index, iteration: iteration + 1, of: iterations, loss: loss))
        try state.checkStop()
      }
    }
    for (layer, module) in zip(unit.layers, unit.modules) {
      try naming(module) { try state.commit(layer.quantizer.finished(), module: module) }
    }
    let finalLoss = runner.errors(
      on: unit.inputs, targets: unit.targets, outputs: unit.outputs
    ).mean
    let report = BlockReport(
      index: unit.index, name: unit.name, layers: unit.layers.map(\.name),
      initialLoss: outcome.losses.first ?? roundedLoss,
      bestLoss: iterations > 0 ? outcome.bestLoss : finalLoss,
      bestIteration: outcome.bestIteration, finalLoss: finalLoss, rtnLoss: roundedLoss,
      lossShareOfFew: rounded.shareOfFew, seconds: (ContinuousClock.now - started).seconds,
      losses: outcome.losses)
    try check(report, outcome)
    state.blocks.append(report)
  }

  /// Tunes the head on its own outputs: the error of the logits takes the place of a block's.
  ///
  /// A step takes as many tokens as one of a block, but pieces of samples by themselves.
  func tune(_ head: CalibratedHead, _ state: SessionState) throws {
    guard let arguments = state.schemes[head.name]?.weights,
      let part = head.program.program.parameterParts.first(where: \.isMatrix)
    else { preconditionFailure("a head without a scheme is not tuned") }
    let weight = try state.model.description.end.head.readWeight(
      in: "", from: state.model.checkpoint)
    let quantizer = try arguments.makeWeightQuantizer(
      for: weight, scaleDType: weight.dtype, isTuned: iterations > 0)
    let inputScales = try head.program.calibrateInputs(on: head.inputs, dtype: weight.dtype)
    head.program.program.activations = .quantized
    try tune(
      TunedUnit(
        index: head.index, name: head.name, program: head.program,
        layers: [
          TunedLayer(name: head.name, bits: arguments.numBits, part: part, quantizer: quantizer)
        ],
        modules: [head.name], importances: [head.inputSquares], inputScales: inputScales,
        inputs: head.inputs, targets: head.targets, batchSize: 1,
        gradientAccumulationSteps: batchSize * head.pieces), state)
    for scale in inputScales { try state.commit(scale: scale.value, named: scale.name) }
  }

  /// A block that was not tuned, or whose loss is not a number, never becomes part of a checkpoint.
  private func check(_ report: BlockReport, _ outcome: TuningOutcome) throws {
    guard report.finalLoss.isFinite, report.rtnLoss.isFinite else {
      throw InputError(
        .notFinite, place: report.name,
        "the block's loss is \(report.finalLoss) after tuning and \(report.rtnLoss) rounded to nearest; "
          + "try \(OptionName.compute.with("f32"))")
    }
    guard outcome.losses.count == iterations else {
      throw InputError(
        .missing, place: report.name,
        "the block had \(outcome.losses.count) of \(iterations) iterations of tuning")
    }
  }
}
