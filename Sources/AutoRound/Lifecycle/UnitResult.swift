import Quantization
public import Reporting

/// What was made of a unit: all that goes to the output and into the report.
public struct UnitResult: Sendable {
  /// The finished weights, by the full names of their modules.
  package internal(set) var weights: [(module: String, weight: QuantizedWeight)] = []
  /// The calibrated scales of activations, by the full names of their tensors.
  package internal(set) var scales: [(name: String, value: Float)] = []
  /// How far the unit's outputs are from those in full precision; nil where nothing was quantized, or the model is not
  /// run.
  public internal(set) var report: BlockReport?
  /// What the user should know.
  public var warnings: [String] = []
}
