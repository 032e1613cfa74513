package import Checkpoints
package import Quantization
package import Tensors

/// The scales of activations that calibration finds: one number beside the weight of a layer, or
/// beside the projections of an attention module.
///
/// | tensor | type | meaning |
/// |---|---|---|
/// | `input_scale` | that of the weight | FP8: the input is divided by it |
/// | `input_global_scale` | f32 | NVFP4: scales of groups are divided by it |
/// | `k_scale`, `v_scale` | that of the weight | FP8: keys and values are divided by it |
package enum ActivationScales {
  /// The tensor of a layer's input; nil where inputs need none.
  package static func plannedTensor(
    for name: String, inputs arguments: QuantizationArguments?, dtype: DType
  ) -> TensorInfo? {
    guard let arguments, arguments.dynamic != .all else { return nil }
    return arguments.floatFormat == .nvfp4
      ? TensorInfo(name: "\(name).input_global_scale", dtype: .float32, shape: [1])
      : TensorInfo(name: "\(name).input_scale", dtype: dtype, shape: [1])
  }

  /// The tensors of an attention module's keys and values.
  package static func plannedKeyValueTensors(for module: String, dtype: DType) -> [TensorInfo] {
    ["k_scale", "v_scale"].map {
      TensorInfo(name: "\(module).\($0)", dtype: dtype, shape: [1])
    }
  }
}
