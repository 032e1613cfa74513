package import Checkpoints
package import Diagnostics
package import Quantization
package import Tensors

/// 4-bit floats in pairs with a power of two for each group: `mxfp4-pack-quantized` of
/// compressed-tensors.
///
/// | tensor | type | shape |
/// |---|---|---|
/// | `weight_packed` | u8 | `[O, I/2]`, ``CodePacking`` |
/// | `weight_scale` | u8 | `[O, G]`, ``PowerOfTwoScales`` |
package enum MXFP4PackQuantized: WeightLayout {
  package static func plannedTensors(
    for name: String, rows: Int, columns: Int, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) -> [TensorInfo] {
    try PackedFloats.requireEven(columns: columns)
    let grouping = try arguments.grouping(rows: rows, columns: columns)
    return [
      TensorInfo(name: "\(name).weight_packed", dtype: .uint8, shape: [rows, columns / 2]),
      TensorInfo(name: "\(name).weight_scale", dtype: .uint8, shape: grouping.parameterShape),
    ]
  }

  package static func tensors(
    for weight: QuantizedWeight, name: String
  ) -> [(name: String, tensor: Tensor)] {
    [
      ("\(name).weight_packed", CodePacking.pack(weight.codes, bits: 4, into: .uint8)),
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
      try arguments.require(.mxfp4)
      let (packed, rows, pairs) = try tensors.requiredMatrix("weight_packed", dtypes: [.uint8])
      let grouping = try arguments.grouping(rows: rows, columns: 2 * pairs)
      let scales = try PowerOfTwoScales.scales(
        tensors, "weight_scale", shape: grouping.parameterShape)
      return QuantizedWeight(
        arguments: arguments, grouping: grouping,
        codes: CodePacking.unpack(packed, columns: 2 * pairs, bits: 4), scales: scales,
        scaleDType: .uint8)
    }
  }

  package static func shape(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> (rows: Int, columns: Int) {
    try PackedFloats.shape(named: name, tensor: tensor)
  }
}
