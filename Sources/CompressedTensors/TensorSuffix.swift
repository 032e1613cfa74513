package import Quantization

/// What the names of the tensors end with that compressed-tensors has in place of a layer's weight, or beside it.
package enum TensorSuffix: String, CaseIterable, Sendable {
  case weight
  case packed = "weight_packed"
  case scale = "weight_scale"
  case zeroPoint = "weight_zero_point"
  case shape = "weight_shape"
  case globalScale = "weight_global_scale"
  /// The groups of columns in another order than their own. Counted, not read.
  case columnGroups = "weight_g_idx"
  case inputScale = "input_scale"
  case inputGlobalScale = "input_global_scale"
  /// Counted, not read.
  case inputZeroPoint = "input_zero_point"
  case keyScale = "k_scale"
  case valueScale = "v_scale"

  /// The tensors that a layer's weight is read from.
  package static let partsOfWeight: [TensorSuffix] = [
    .weight, .packed, .scale, .zeroPoint, .shape, .globalScale, .columnGroups,
  ]

  /// The scale that calibration finds for inputs of a layer; nil where they need none.
  package static func scale(ofInputs arguments: QuantizationArguments?) -> TensorSuffix? {
    guard let arguments, arguments.dynamic != .all else { return nil }
    return arguments.floatFormat == .nvfp4 ? .inputGlobalScale : .inputScale
  }

  package static let ofKeysAndValues: [TensorSuffix] = [.keyScale, .valueScale]

  /// The full name of a module's tensor.
  package func name(of module: String) -> String { "\(module).\(rawValue)" }

  /// The module whose tensor this is; nil if the name ends otherwise.
  package func module(of tensor: String) -> String? {
    ends(tensor) ? String(tensor.dropLast(rawValue.utf8.count + 1)) : nil
  }

  package func ends(_ tensor: String) -> Bool { tensor.hasSuffix(".\(rawValue)") }
}
