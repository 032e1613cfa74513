package import Checkpoints
package import Diagnostics
package import Quantization
package import Tensors

/// A byte for each weight: the formats `int-quantized`, `float-quantized` and `naive-quantized` of
/// compressed-tensors, which differ only in when they are chosen.
///
/// | tensor | type | shape |
/// |---|---|---|
/// | `weight` | i8, or f8e4m3 for floats | `[O, I]` |
/// | `weight_scale` | that of scales | ``WeightGrouping/parameterShape`` |
/// | `weight_zero_point`, asymmetric only | i8 | the same |
///
/// Integers and zero points are stored less 2^(b-1), whatever their bits.
package enum PlainQuantized: WeightLayout {
  package static func plannedTensors(
    for name: String, rows: Int, columns: Int, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) -> [TensorInfo] {
    let grouping = try arguments.grouping(rows: rows, columns: columns)
    var result = [
      TensorInfo(
        name: "\(name).weight", dtype: dtype(of: arguments), shape: [rows, columns]),
      TensorInfo(
        name: "\(name).weight_scale", dtype: scaleDType, shape: grouping.parameterShape),
    ]
    if !arguments.isSymmetric {
      result.append(
        TensorInfo(
          name: "\(name).weight_zero_point", dtype: .int8, shape: grouping.parameterShape))
    }
    return result
  }

  package static func tensors(
    for weight: QuantizedWeight, name: String
  ) -> [(name: String, tensor: Tensor)] {
    let shift = shift(of: weight.arguments)
    let shape = weight.grouping.parameterShape
    var result = [
      (
        "\(name).weight",
        CodePacking.add(0 &- shift, to: weight.codes, dtype: dtype(of: weight.arguments))
      ),
      (
        "\(name).weight_scale",
        Tensor(weight.scales, shape: shape).converted(to: weight.scaleDType)
      ),
    ]
    if let zeroPoints = weight.zeroPoints {
      result.append(
        (
          "\(name).weight_zero_point",
          Tensor(bytes: zeroPoints.map { $0 &- shift }, shape: shape, dtype: .int8)
        ))
    }
    return result
  }

  package static func weight(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> QuantizedWeight {
    try withoutActuallyEscaping(tensor) { tensor throws(InputError) in
      let tensors = LayerTensors(name: name, find: tensor)
      switch arguments.type {
      case .int: try arguments.requireIntegerWeights()
      case .float: _ = try arguments.requireFloatWeights()
      }
      let (stored, rows, columns) = try tensors.requiredMatrix(
        "weight", dtypes: [dtype(of: arguments)])
      let grouping = try arguments.grouping(rows: rows, columns: columns)
      let scales = try tensors.requiredNumbers("weight_scale", shape: grouping.parameterShape)
      let shift = shift(of: arguments)
      let codes = CodePacking.add(shift, to: stored, dtype: .uint8)
      var zeroPoints: [UInt8]?
      if arguments.type == .float {
        try tensors.requireNumbers(codes, "weight")
      } else {
        if !arguments.isSymmetric {
          zeroPoints = try tensors.required(
            "weight_zero_point", dtypes: [.int8], shape: grouping.parameterShape
          ).bytes.map { $0 &+ shift }
        }
        let limit = 1 << arguments.numBits
        guard codes.hasBytes(below: limit), zeroPoints?.allSatisfy({ $0 < limit }) ?? true
        else {
          throw InputError(
            .malformed, place: "\(name).weight",
            "has integers outside of \(-limit / 2) to \(limit / 2 - 1), those of "
              + "\(arguments.numBits) bits")
        }
      }
      return QuantizedWeight(
        arguments: arguments, grouping: grouping, codes: codes, scales: scales.numbers,
        zeroPoints: zeroPoints, scaleDType: scales.dtype)
    }
  }

  private static func dtype(of arguments: QuantizationArguments) -> DType {
    arguments.type == .int ? .int8 : .float8E4M3
  }

  /// From a stored integer to its code; floats are stored as they are.
  private static func shift(of arguments: QuantizationArguments) -> UInt8 {
    arguments.type == .int ? 1 << (arguments.numBits - 1) : 0
  }
}
