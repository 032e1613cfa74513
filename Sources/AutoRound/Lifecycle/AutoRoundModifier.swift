public import Recipes
public import Reporting

/// Quantizes linear layers with AutoRound: for each decoder block, learns a rounding offset for every
/// weight and two range scales for every group, by signed gradient descent on the block's output error.
///
/// ```swift
/// let modifier = try AutoRoundModifier(scheme: "W4A16", ignore: ["lm_head"]) { $0.iterations = 50 }
/// try oneshot(model: folder, modifier: modifier, output: output)
/// ```
public struct AutoRoundModifier: Modifier {
  /// Every option, settled.
  public let options: ResolvedOptions

  /// A modifier with settled options.
  public init(_ options: ResolvedOptions) {
    self.options = options
  }

  /// A modifier for one preset scheme, such as `W4A16`.
  ///
  /// - Parameters:
  ///   - scheme: The preset.
  ///   - targets: What it applies to: class names, module names, or `re:` and a regular expression.
  ///   - ignore: What stays as it is, named like `targets`.
  ///   - set: Sets other options.
  /// - Throws: An error that lists the presets if there is none of this name, or that names a value that
  ///   has no meaning.
  public init(
    scheme: String = "W4A16", targets: [String] = ["Linear"], ignore: [String] = ["lm_head"],
    _ set: (inout AutoRoundOptions) -> Void = { _ in }
  ) throws {
    let recipe = AutoRoundOptions(scheme: .preset(scheme), targets: targets, ignore: ignore, set)
    try self.init(ResolvedOptions(recipe: recipe))
  }

  /// A modifier for groups of layers with a scheme each.
  ///
  /// - Parameters:
  ///   - configGroups: The groups.
  ///   - ignore: What stays as it is: class names, module names, or `re:` and a regular expression.
  ///   - set: Sets other options.
  public init(
    configGroups: [AutoRoundOptions.ConfigGroup], ignore: [String] = ["lm_head"],
    _ set: (inout AutoRoundOptions) -> Void = { _ in }
  ) throws {
    let recipe = AutoRoundOptions(scheme: .groups(configGroups), ignore: ignore, set)
    try self.init(ResolvedOptions(recipe: recipe))
  }

  // MARK: Lifecycle

  /// Gives schemes as the options say, and warns of steps that are large.
  public func initialize(_ survey: Survey) throws -> SchemeTable {
    let schemes = try survey.schemes(by: options)
    if let remark = remarkOnLargeSteps { survey.warn(remark) }
    return schemes
  }

  /// Asks for gradients if weights are tuned, and for the importance of columns if scales are searched.
  public func start(_ schemes: SchemeTable) throws -> CalibrationNeeds {
    startCalibration(schemes)
  }

  /// Tunes a block, or the head, by signed gradient descent.
  public func sequentialEpochEnd(_ unit: TuningUnit) throws -> UnitResult {
    try applyAutoRound(unit)
  }

  /// Names the blocks whose losses say that something went wrong, and the experts that too few tokens reach.
  public func end(_ blocks: [BlockReport]) throws -> [String] { remarks(onLossesOf: blocks) }

  /// Says what calibration has to find out for tuning, or for a search for scales.
  func startCalibration(_ schemes: SchemeTable) -> CalibrationNeeds {
    CalibrationNeeds(
      gradients: options.iterations > 0, importance: options.searchesScales(in: schemes.layers))
  }
}
