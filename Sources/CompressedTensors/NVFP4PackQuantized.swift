import CKernels
package import Checkpoints
package import Diagnostics
package import Quantization
package import Tensors

/// 4-bit floats in pairs with an 8-bit float for each group and a scale of the tensor:
/// `nvfp4-pack-quantized` of compressed-tensors.
///
/// | tensor | type | shape |
/// |---|---|---|
/// | `weight_packed` | u8 | `[O, I/2]`, ``CodePacking`` |
/// | `weight_scale` | f8e4m3 | `[O, G]` |
/// | `weight_global_scale` | f32 | `[1]`; scales are divided by it |
///
/// A weight of zeros, which has no global scale, is stored with 1.
package enum NVFP4PackQuantized: WeightLayout {
  package static func plannedTensors(
    for name: String, rows: Int, columns: Int, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) -> [TensorInfo] {
    try PackedFloats.requireEven(columns: columns)
    let grouping = try arguments.grouping(rows: rows, columns: columns)
    return [
      TensorInfo(name: "\(name).weight_global_scale", dtype: .float32, shape: [1]),
      TensorInfo(name: "\(name).weight_packed", dtype: .uint8, shape: [rows, columns / 2]),
      TensorInfo(
        name: "\(name).weight_scale", dtype: .float8E4M3, shape: grouping.parameterShape),
    ]
  }

  package static func tensors(
    for weight: QuantizedWeight, name: String
  ) -> [(name: String, tensor: Tensor)] {
    let scales = [UInt8](unsafeUninitializedCapacity: weight.scales.count) { bytes, count in
      count = weight.scales.count
      ck_f32_to_e4m3(weight.scales, bytes.baseAddress, count)
    }
    let global = weight.globalScale ?? 1
    return [
      ("\(name).weight_global_scale", Tensor([global == 0 ? 1 : global], shape: [1])),
      ("\(name).weight_packed", CodePacking.pack(weight.codes, bits: 4, into: .uint8)),
      (
        "\(name).weight_scale",
        Tensor(bytes: scales, shape: weight.grouping.parameterShape, dtype: .float8E4M3)
      ),
    ]
  }

  package static func weight(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> QuantizedWeight {
    try withoutActuallyEscaping(tensor) { tensor throws(InputError) in
      let tensors = LayerTensors(name: name, find: tensor)
      try arguments.require(.nvfp4)
      let (packed, rows, pairs) = try tensors.requiredMatrix("weight_packed", dtypes: [.uint8])
      let grouping = try arguments.grouping(rows: rows, columns: 2 * pairs)
      let stored = try tensors.required(
        "weight_scale", dtypes: [.float8E4M3], shape: grouping.parameterShape)
      try tensors.requireNumbers(stored, "weight_scale")
      let bytes = stored.bytes
      let scales = [Float](unsafeUninitializedCapacity: bytes.count) { numbers, count in
        count = bytes.count
        ck_e4m3_to_f32(bytes, numbers.baseAddress, count)
      }
      let global = try tensors.requiredNumbers("weight_global_scale", shape: [1]).numbers[0]
      guard global > 0 else {
        throw InputError(
          .malformed, place: "\(name).weight_global_scale",
          "found \(global), expected a positive number")
      }
      return QuantizedWeight(
        arguments: arguments, grouping: grouping,
        codes: CodePacking.unpack(packed, columns: 2 * pairs, bits: 4), scales: scales,
        globalScale: global, scaleDType: .float8E4M3)
    }
  }

  package static func shape(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> (rows: Int, columns: Int) {
    try PackedFloats.shape(named: name, tensor: tensor)
  }
}
