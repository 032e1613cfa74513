package import Quantization
package import Tensors

/// A scale of activations that calibration finds, one number. The raw value is what the name of its tensor ends with.
package enum ActivationScale: String, CaseIterable, Sendable {
  /// What inputs of a layer are divided by.
  case input = "input_scale"
  /// What the scales of groups of inputs are divided by, in NVFP4.
  case inputGlobal = "input_global_scale"
  case key = "k_scale"
  case value = "v_scale"

  package static let ofKeysAndValues: [ActivationScale] = [.key, .value]

  /// The one for inputs of a layer; nil where they need none.
  package static func ofInputs(_ arguments: QuantizationArguments?) -> ActivationScale? {
    guard let arguments, arguments.dynamic != .all else { return nil }
    return arguments.floatFormat == .nvfp4 ? .inputGlobal : .input
  }

  /// Its type in a model whose weights have one.
  package func dtype(ofWeights dtype: DType) -> DType { self == .inputGlobal ? .float32 : dtype }

  /// The full name of a module's scale.
  package func name(of module: String) -> String { "\(module).\(rawValue)" }
}
