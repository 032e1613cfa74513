public import Quantization
public import Recipes
public import Reporting

/// What a run does to a model: which layers get which scheme, and how their weights are rounded.
///
/// The stages keep the names that LLM Compressor gives them, and come in this order. What one decides or makes is what
/// it returns. Each has a default, and together the defaults round every layer to nearest; who has a rule of his own
/// writes ``quantize(_:using:)``:
///
/// ```swift
/// struct Halving: Modifier {
///   let options: ResolvedOptions
///   func quantize(_ layer: LayerView, using data: LayerData) throws -> QuantizedWeight {
///     let scales: [Float] = ...
///     let codes: [UInt8] = ...
///     return try layer.quantizedWeight(codes: codes, scales: scales)
///   }
/// }
/// ```
public protocol Modifier: Sendable {
  /// Schemes and their targets, calibration samples, and what else a run has options for.
  var options: ResolvedOptions { get }
  /// What this modifier is and how it is set, as far as that decides the result and is not in ``options``: an unfinished
  /// run is continued by one of the same identity. By default the type with its stored properties.
  var identity: String { get }

  /// Before any data is seen: decides which layers get which scheme. By default what the options say.
  func initialize(_ survey: Survey) throws -> SchemeTable
  /// Before calibration: says what it has to find out. Called for plans, too. By default the importance of columns.
  func start(_ schemes: SchemeTable) throws -> CalibrationNeeds
  /// A block's inputs, and its outputs in full precision, are known for all samples: makes its finished weights. By
  /// default it takes ``Modifier/quantize(_:using:)`` for each layer. The head comes like a block after the last one; where the
  /// model is not run, each layer comes by itself.
  func sequentialEpochEnd(_ unit: TuningUnit) throws -> UnitResult
  /// Rounds one layer. By default to nearest, by the best scales that a search finds where there is one.
  func quantize(_ layer: LayerView, using data: LayerData) throws -> QuantizedWeight
  /// Calibration is over. Returns what the user should know of the blocks.
  func end(_ blocks: [BlockReport]) throws -> [String]
  /// The checkpoint is complete, read again and measured, and about to appear under its name; an error keeps it back.
  func finalize(_ report: RunReport) throws
}

extension Modifier {
  /// The type with its stored properties, in the same order in each process.
  public var identity: String {
    // Sets and dictionaries have another order in each process.
    func text(_ value: Any) -> String {
      let mirror = Mirror(reflecting: value)
      guard mirror.displayStyle == .set || mirror.displayStyle == .dictionary else {
        return "\(value)"
      }
      return "\(mirror.children.map { "\($0.value)" }.sorted())"
    }
    let settings = Mirror(reflecting: self).children.filter { $0.label != "options" }
      .map { "\($0.label ?? ""): \(text($0.value))" }
    return settings.isEmpty ? "\(Self.self)" : "\(Self.self)(\(settings.joined(separator: ", ")))"
  }

  /// Gives schemes as the options say.
  public func initialize(_ survey: Survey) throws -> SchemeTable { try survey.schemes(by: options) }

  /// Asks for the importance of columns.
  public func start(_ schemes: SchemeTable) throws -> CalibrationNeeds {
    CalibrationNeeds(gradients: false, importance: true)
  }

  /// Takes ``Modifier/quantize(_:using:)`` for each layer.
  public func sequentialEpochEnd(_ unit: TuningUnit) throws -> UnitResult {
    try unit.quantize(with: quantize)
  }

  /// Rounds to nearest, by searched scales unless the options forbid a search.
  public func quantize(_ layer: LayerView, using data: LayerData) throws -> QuantizedWeight {
    try layer.rounded(
      searchesScales: !options.disablesOptimizedRounding, importance: data.importance)
  }

  /// Says nothing.
  public func end(_ blocks: [BlockReport]) throws -> [String] { [] }

  /// Keeps nothing back.
  public func finalize(_ report: RunReport) throws {}
}

/// What calibration finds out besides the blocks' inputs and outputs.
public struct CalibrationNeeds: Sendable, Equatable {
  /// Whether weights are tuned by gradients, which takes memory.
  public var gradients: Bool
  /// Whether the importance of the layers' columns is wanted: ``LayerData/importance``.
  public var importance: Bool

  /// What is asked for.
  public init(gradients: Bool, importance: Bool) {
    self.gradients = gradients
    self.importance = importance
  }
}
