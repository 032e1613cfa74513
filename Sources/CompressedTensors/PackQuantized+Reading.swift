package import Diagnostics
package import Quantization
package import Tensors

extension PackQuantized {
  package static func weight(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> QuantizedWeight {
    try withoutActuallyEscaping(tensor) { tensor throws(InputError) in
      let tensors = LayerTensors(name: name, find: tensor)
      try arguments.requireIntegerWeights()
      let (packed, rows, columns) = try packed(tensors, arguments)
      let grouping = try arguments.grouping(rows: rows, columns: columns)
      let scales = try tensors.requiredNumbers("weight_scale", shape: grouping.parameterShape)
      return QuantizedWeight(
        arguments: arguments, grouping: grouping,
        codes: CodePacking.unpack(packed, columns: columns, bits: arguments.numBits),
        scales: scales.numbers,
        zeroPoints: arguments.isSymmetric
          ? nil : try zeroPoints(tensors, grouping: grouping, arguments: arguments),
        scaleDType: scales.dtype)
    }
  }

  package static func shape(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> (rows: Int, columns: Int) {
    try withoutActuallyEscaping(tensor) { tensor throws(InputError) in
      let layer = try packed(LayerTensors(name: name, find: tensor), arguments)
      return (layer.rows, layer.columns)
    }
  }

  /// The packed codes with the shape that they have unpacked.
  private static func packed(
    _ tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (tensor: Tensor, rows: Int, columns: Int) {
    let sizes = try tensors.required("weight_shape", dtypes: [.int64], shape: [2])
      .elements(as: Int64.self)
    let limit = Int64(1) << 31
    guard sizes.allSatisfy({ $0 > 0 && $0 < limit }) else {
      throw InputError(
        .malformed, place: "\(tensors.name).weight_shape",
        "found \(sizes), expected two positive sizes")
    }
    let (rows, columns) = (Int(sizes[0]), Int(sizes[1]))
    let words = try wordCount(columns, bits: arguments.numBits)
    let packed = try tensors.required("weight_packed", dtypes: [.int32], shape: [rows, words])
    return (packed, rows, columns)
  }

  private static func zeroPoints(
    _ tensors: LayerTensors, grouping: WeightGrouping, arguments: QuantizationArguments
  ) throws(InputError) -> [UInt8] {
    let (suffix, bits) = ("weight_zero_point", arguments.numBits)
    if arguments.strategy == .tensor {
      let middle = 1 << (bits - 1)
      let tensor = try tensors.required(suffix, dtypes: [.int8], shape: [1])
      return try tensor.elements(as: Int8.self).map { element throws(InputError) in
        guard (-middle..<middle).contains(Int(element)) else {
          throw InputError(
            .malformed, place: "\(tensors.name).\(suffix)",
            "found \(element), expected \(-middle) to \(middle - 1)")
        }
        return UInt8(Int(element) + middle)
      }
    }
    let words = try wordCount(grouping.rows, bits: bits)
    let tensor = try tensors.required(suffix, dtypes: [.int32], shape: [words, grouping.groups])
    let streams = Tensor(
      transposed(tensor.elements(as: Int32.self), rows: words, columns: grouping.groups),
      shape: [grouping.groups, words], dtype: .int32)
    let columns = CodePacking.unpack(streams, columns: grouping.rows, bits: bits)
    return transposed(columns.bytes, rows: grouping.groups, columns: grouping.rows)
  }
}
