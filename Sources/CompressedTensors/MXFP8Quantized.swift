package import Checkpoints
package import Diagnostics
package import Quantization
package import Tensors

/// 8-bit floats with a power of two for each group: `mxfp8-quantized` of compressed-tensors.
///
/// | tensor | type | shape |
/// |---|---|---|
/// | `weight` | f8e4m3 | `[O, I]` |
/// | `weight_scale` | u8 | `[O, G]`, ``PowerOfTwoScales`` |
package enum MXFP8Quantized: WeightLayout {
  package static func plannedTensors(
    for name: String, rows: Int, columns: Int, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) -> [TensorInfo] {
    let grouping = try arguments.grouping(rows: rows, columns: columns)
    return [
      TensorInfo(name: "\(name).weight", dtype: .float8E4M3, shape: [rows, columns]),
      TensorInfo(name: "\(name).weight_scale", dtype: .uint8, shape: grouping.parameterShape),
    ]
  }

  package static func tensors(
    for weight: QuantizedWeight, name: String
  ) -> [(name: String, tensor: Tensor)] {
    [
      (
        "\(name).weight",
        weight.codes.reinterpreted(as: .float8E4M3)
      ),
      (
        "\(name).weight_scale",
        PowerOfTwoScales.tensor(weight.scales, shape: weight.grouping.parameterShape)
      ),
    ]
  }

  package static func weight(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> QuantizedWeight {
    try withoutActuallyEscaping(tensor) { tensor throws(InputError) in
      let tensors = LayerTensors(name: name, find: tensor)
      try arguments.require(.mxfp8)
      let (stored, rows, columns) = try tensors.requiredMatrix("weight", dtypes: [.float8E4M3])
      let grouping = try arguments.grouping(rows: rows, columns: columns)
      try tensors.requireNumbers(stored, "weight")
      let scales = try PowerOfTwoScales.scales(
        tensors, "weight_scale", shape: grouping.parameterShape)
      return QuantizedWeight(
        arguments: arguments, grouping: grouping, codes: stored.reinterpreted(as: .uint8),
        scales: scales, scaleDType: .uint8)
    }
  }
}
