import Compute
import Diagnostics
import Execution
import LanguageModels
public import Quantization
import Reporting
import Tuning

/// What is quantized on one error: the layers of a decoder block, or the head; where the model is not run, one layer.
public struct TuningUnit {
  /// Position in the run, from 0.
  public let index: Int
  /// The block's name, such as `model.layers.0`, or that of the layer.
  public let name: String
  /// The layers that are to be quantized.
  public let layers: [LayerView]
  /// The unit as a program with its data; nil where the model is not run.
  let calibrated: CalibratedUnit?
  /// Where the run is told how far this is.
  let progress: UnitProgress
  private let turn = Turn()

  /// Whether the unit's outputs have taken the place of its inputs, after which there is nothing left to round on.
  private final class Turn { var isOver = false }

  /// What calibration has found out about a layer of the unit.
  public func data(of layer: Int) -> LayerData {
    LayerData(importance: calibrated?.importances[layer])
  }

  /// Ends what is computed if the run is to stop; for rules that take long.
  ///
  /// - Throws: ``RunInterruption`` then.
  public func checkStop() throws { try progress.checkStop() }

  /// Rounds each layer by a rule, and measures what that does to the unit's outputs beside rounding to nearest. Once:
  /// the outputs are the next unit's inputs then.
  ///
  /// - Parameter rule: Makes the finished weight of a layer, with a function of the layer.
  /// - Throws: What the rule throws; `invalidValue` for a weight that is not one of its layer, and for a second call.
  public func quantize(
    with rule: (LayerView, LayerData) throws -> QuantizedWeight
  ) throws -> UnitResult {
    guard !turn.isOver else {
      throw InputError(
        .invalidValue, place: name, "was quantized before; a modifier quantizes a unit once")
    }
    let started = ContinuousClock.now
    let rounded = try calibrated?.roundToNearest(layers)
    var weights: [QuantizedWeight] = []
    for (index, layer) in layers.enumerated() {
      try checkStop()
      let weight = try naming(layer.name) { try rule(layer, data(of: index)) }
      guard layer.fits(weight) else {
        throw InputError(
          .invalidValue, source: layer.name,
          "the weight that the modifier made is that of another scheme or shape; make it with the layer's own functions"
        )
      }
      calibrated?.load(weight, intoLayer: index)
      weights.append(weight)
    }
    guard let rounded else {
      return UnitResult(weights: zip(layers, weights).map { ($0.name, $1) })
    }
    return try result(weights, rounded: rounded, since: started)
  }

  /// What became of a unit whose program has the finished weights. Its outputs take the place of its inputs, for the
  /// next unit.
  ///
  /// - Parameters:
  ///   - outcomes: What tuning came to, for each portion that was tuned.
  ///   - scarce: The layers of experts that too few tokens reach to tune them.
  func result(
    _ weights: [QuantizedWeight], rounded: TokenErrors,
    outcomes: [(portion: Portion, outcome: TuningOutcome)] = [],
    scarce: Set<Int> = [], since started: ContinuousClock.Instant
  ) throws -> UnitResult {
    guard let calibrated else { preconditionFailure("the model is not run") }
    turn.isOver = true
    let finalLoss = calibrated.errors(advancing: true).mean
    guard finalLoss.isFinite, rounded.mean.isFinite else {
      throw InputError(
        .notFinite, place: name,
        "the block's loss is not finite \(finalLoss.isFinite ? "rounded to nearest" : "after tuning"); "
          + "try \(OptionName.compute.with("f32"))")
    }
    let (losses, last) = (outcomes.flatMap(\.outcome.losses), outcomes.last?.outcome)
    var report = BlockReport(
      index: index, name: name, layers: layers.map(\.shortName),
      initialLoss: losses.first ?? rounded.mean, bestLoss: last?.bestLoss ?? finalLoss,
      bestIteration: last.map { losses.count - $0.losses.count + $0.bestIteration } ?? 0,
      finalLoss: finalLoss, rtnLoss: rounded.mean, lossShareOfFew: rounded.shareOfFew,
      seconds: (ContinuousClock.now - started) / .seconds(1), losses: losses)
    report.experts = coverage(calibrated, scarce)
    report.layerReports = zip(layers, weights).map { $0.report(on: $1) }
    if calibrated.portions.count > 1 {
      report.portions = outcomes.map { portion, outcome in
        PortionReport(
          name: portion.name, stepCount: outcome.losses.count,
          initialLoss: outcome.losses.first ?? 0, bestLoss: outcome.bestLoss,
          bestIteration: outcome.bestIteration)
      }
    }
    return UnitResult(
      weights: zip(layers, weights).map { ($0.name, $1) }, scales: calibrated.scaleValues,
      report: report)
  }

  /// The tokens of the unit's experts; nil where it has none.
  private func coverage(_ calibrated: CalibratedUnit, _ scarce: Set<Int>) -> ExpertCoverage? {
    var rounded: [ExpertCoverage.Expert] = []
    for layer in scarce.sorted() {
      // An expert is what its layers are in.
      let name = layers[layer].shortName.split(separator: ".").dropLast().joined(separator: ".")
      guard let count = calibrated.tokensOfLayers[layer],
        !rounded.contains(where: { $0.name == name })
      else { continue }
      rounded.append(.init(name: name, tokenCount: count))
    }
    return ExpertCoverage(tokens: calibrated.expertTokens, rounded: rounded)
  }

  /// What becomes of a unit without weights to quantize: the stream of the quantized model passes through it.
  func passed() -> UnitResult {
    guard let calibrated else { return UnitResult() }
    calibrated.program.advance(calibrated.inputs)
    return UnitResult(scales: calibrated.keyValueScales.map { ($0.name, $0.scale.value) })
  }
}

/// A unit as a program that runs, with what it reads and should answer for all samples.
struct CalibratedUnit {
  /// A scale of activations with the full name of its tensor.
  typealias NamedScale = (name: String, scale: CalibratedScale)

  let device: any TuningDevice
  let program: BlockProgram
  /// Where the weight of each layer is in the program.
  let parts: [BoundPart]
  /// What an error in each column of a layer weighs, for each layer; nil: all the same.
  let importances: [[Float]?]
  /// The calibration tokens that each expert of the block gets in full precision; empty where there are none.
  var expertTokens: [Int] = []
  /// The same for the expert of each layer; nil for a layer that all tokens meet.
  var tokensOfLayers: [Int?] = []
  /// The scales of quantized inputs, and how the output calls them; layers may share one.
  let inputScales: [CalibratedScale]
  let namedInputScales: [NamedScale]
  let keyValueScales: [NamedScale]
  /// What it reads in the model as it is quantized so far.
  let inputs: ActivationCache
  let targets: any TuningTargets
  /// Whether its outputs are the next unit's inputs.
  let isFollowed: Bool
  /// What is tuned one after the other.
  let portions: [Portion]
  /// Samples that are run at once, and how often before a step.
  let batchSize: Int
  let gradientAccumulationSteps: Int

  /// The errors on all samples with the weights that are in the program.
  ///
  /// - Parameter advancing: Whether outputs take the place of inputs, where another unit reads them.
  func errors(advancing: Bool = false) -> TokenErrors {
    program.errors(
      on: inputs, targets: targets, outputs: advancing && isFollowed ? inputs : nil)
  }

  /// Rounds all layers to nearest in the program; returns the errors then.
  func roundToNearest(_ layers: [LayerView]) throws -> TokenErrors {
    for (index, layer) in layers.enumerated() { load(try layer.rounded(), intoLayer: index) }
    for scale in inputScales { scale.apply() }
    return errors()
  }

  func load(_ weight: QuantizedWeight, intoLayer index: Int) {
    if parts[index].isMade {
      program.program.use(weight, for: parts[index])
    } else {
      program.program.load(
        weight.dequantized(to: parts[index].type.dtype), into: parts[index])
    }
  }

  /// Puts all weights into the program as they were.
  func restore(_ layers: [LayerView]) {
    for (layer, part) in zip(layers, parts) { program.program.load(layer.weight, into: part) }
  }

  /// All scales as they are stored.
  var scaleValues: [(name: String, value: Float)] {
    (keyValueScales + namedInputScales).map { ($0.name, $0.scale.value) }
  }
}

/// What a unit tells its run while it is computed.
struct UnitProgress {
  var observe: (RunEvent) -> Void
  /// - Throws: ``RunInterruption`` if the run is to stop.
  var checkStop: () throws -> Void
}
