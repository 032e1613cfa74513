import Quantization
import QuantizedCheckpoints

/// What the names of the tensors end with that compressed-tensors has in place of a layer's weight, or beside it,
/// apart from each ``ActivationScale``.
enum TensorSuffix: String, CaseIterable {
  case weight
  case packed = "weight_packed"
  case scale = "weight_scale"
  case zeroPoint = "weight_zero_point"
  case shape = "weight_shape"
  case globalScale = "weight_global_scale"
  /// The groups of columns in another order than their own. Counted, not read.
  case columnGroups = "weight_g_idx"
  /// Counted, not read.
  case inputZeroPoint = "input_zero_point"

  /// The tensors that a layer's weight is read from.
  static let partsOfWeight = allCases.filter { $0 != .inputZeroPoint }

  /// The full name of a module's tensor.
  func name(of module: String) -> String { "\(module).\(rawValue)" }

  /// The module whose tensor this is; nil if the name ends otherwise.
  func module(of tensor: String) -> String? {
    ModuleDescription.name(ofTensor: tensor, ending: rawValue)
  }
}
