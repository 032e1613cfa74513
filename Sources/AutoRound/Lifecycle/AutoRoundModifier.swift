public import Recipes
public import Reporting

/// Quantizes linear layers with AutoRound: for each decoder block, learns a rounding offset for every
/// weight and two range scales for every group, by signed gradient descent on the block's output error.
///
/// ```swift
/// let modifier = try AutoRoundModifier(scheme: "W4A16", ignore: ["lm_head"])
/// try oneshot(model: folder, modifier: modifier, output: output)
/// ```
public final class AutoRoundModifier: Modifier {
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

  public func initialize(_ survey: Survey) throws -> SchemeTable {
    let schemes = try survey.schemes(by: options)
    if let remark = remarkOnLargeSteps { survey.warn(remark) }
    return schemes
  }

  public func start(_ schemes: SchemeTable) throws -> CalibrationNeeds {
    startCalibration(schemes)
  }

  public func sequentialEpochEnd(_ unit: TuningUnit) throws -> UnitResult {
    try applyAutoRound(unit)
  }

  public func end(_ blocks: [BlockReport]) throws -> [String] { remarks(onLossesOf: blocks) }

  /// Says what calibration has to find out for tuning, or for a search for scales.
  func startCalibration(_ schemes: SchemeTable) -> CalibrationNeeds {
    CalibrationNeeds(
      gradients: iterations > 0, importance: options.searchesScales(in: schemes.layers))
  }
}
