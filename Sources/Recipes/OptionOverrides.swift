public import Compute
import Diagnostics

/// Options given directly, by flags or by a program; they go before the recipe.
public struct OptionOverrides: Sendable, Equatable {
  /// A preset scheme for all linear layers.
  public var scheme: String?
  /// Weights that share a scale, for all integer weights that are in groups.
  public var groupSize: Int?
  /// Modules that are left as they are, instead of those that the recipe names.
  public var ignore: [String]?
  /// Steps of tuning per block.
  public var iterations: Int?
  /// The learning rate of the first step.
  public var learningRate: Double?
  /// Samples per step.
  public var batchSize: Int?
  /// Calibration samples.
  public var sampleCount: Int?
  /// Tokens per calibration sample.
  public var sequenceLength: Int?
  /// How weights are tuned.
  public var algorithm: TuningAlgorithm?
  /// How precise gradients of linear layers are.
  public var gradients: GradientPrecision?
  /// What stays of the gradients of earlier steps, from 0 up to 1.
  public var momentum: Double?
  /// What becomes of the head.
  public var head: HeadTreatment?
  /// With no iterations: round to nearest plainly, without a search for better scales.
  public var disablesOptimizedRounding: Bool?
  /// Round the weights as they lie in the files, without running the model: no calibration, any
  /// architecture. Needs 0 iterations.
  public var isModelFree: Bool?
  /// The seed of the batch order.
  public var seed: Int?

  /// Creates overrides; all of them may be left out.
  public init(
    scheme: String? = nil, groupSize: Int? = nil, ignore: [String]? = nil, iterations: Int? = nil,
    learningRate: Double? = nil, batchSize: Int? = nil, sampleCount: Int? = nil,
    sequenceLength: Int? = nil, algorithm: TuningAlgorithm? = nil,
    gradients: GradientPrecision? = nil, momentum: Double? = nil, head: HeadTreatment? = nil,
    disablesOptimizedRounding: Bool? = nil,
    isModelFree: Bool? = nil, seed: Int? = nil
  ) {
    self.scheme = scheme
    self.groupSize = groupSize
    self.ignore = ignore
    self.iterations = iterations
    self.learningRate = learningRate
    self.batchSize = batchSize
    self.sampleCount = sampleCount
    self.sequenceLength = sequenceLength
    self.algorithm = algorithm
    self.gradients = gradients
    self.momentum = momentum
    self.head = head
    self.disablesOptimizedRounding = disablesOptimizedRounding
    self.isModelFree = isModelFree
    self.seed = seed
  }
}

extension OptionOverrides {
  /// These and `others`, which win.
  func merging(_ others: OptionOverrides) -> OptionOverrides {
    var merged = self
    merged.scheme = others.scheme ?? scheme
    merged.groupSize = others.groupSize ?? groupSize
    merged.ignore = others.ignore ?? ignore
    merged.iterations = others.iterations ?? iterations
    merged.learningRate = others.learningRate ?? learningRate
    merged.batchSize = others.batchSize ?? batchSize
    merged.sampleCount = others.sampleCount ?? sampleCount
    merged.sequenceLength = others.sequenceLength ?? sequenceLength
    merged.algorithm = others.algorithm ?? algorithm
    merged.gradients = others.gradients ?? gradients
    merged.momentum = others.momentum ?? momentum
    merged.head = others.head ?? head
    merged.disablesOptimizedRounding = others.disablesOptimizedRounding ?? disablesOptimizedRounding
    merged.isModelFree = others.isModelFree ?? isModelFree
    merged.seed = others.seed ?? seed
    return merged
  }

  /// Checks that every number has a meaning.
  ///
  /// - Throws: `InputError` that names the number as flags do, such as `samples`.
  public func check() throws {
    try check(groupSize, "group-size", in: 1...1 << 31)
    try check(iterations, "iterations", in: AutoRoundOptions.Limit.iterations)
    try check(batchSize, "batch-size", in: AutoRoundOptions.Limit.batchSize)
    try check(sampleCount, "samples", in: 1...1_000_000)
    try check(sequenceLength, "sequence-length", in: 1...1_048_576)
    try check(seed, "seed", in: 0...Int(UInt32.max))
    if let momentum, !AutoRoundOptions.Limit.momentum.contains(momentum) {
      throw InputError(.invalidValue, "momentum must be from 0 up to 1; it is \(momentum)")
    }
    if let learningRate, !(learningRate.isFinite && learningRate > 0) {
      throw InputError(
        .invalidValue, "learning-rate must be a number above 0; it is \(learningRate)")
    }
  }

  private func check(_ value: Int?, _ name: String, in range: ClosedRange<Int>) throws {
    guard let value, !range.contains(value) else { return }
    throw InputError(
      .invalidValue,
      "\(name) must be from \(range.lowerBound) to \(range.upperBound); it is \(value)")
  }
}
