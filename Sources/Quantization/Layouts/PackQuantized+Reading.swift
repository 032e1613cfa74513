import CKernels
package import Diagnostics
package import Tensors

extension PackQuantized {
  package static func weight(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> QuantizedWeight {
    func required(_ suffix: String) throws(InputError) -> Tensor {
      guard let found = try tensor("\(name).\(suffix)") else {
        throw InputError(.missing, place: "\(name).\(suffix)", "there is no such tensor")
      }
      return found
    }
    let packed = try required("weight_packed")
    let scale = try required("weight_scale")
    let shape = try required("weight_shape")
    let zeroPoint = arguments.isSymmetric ? nil : try required("weight_zero_point")
    do {
      return try unpack(
        packed: packed, scale: scale, shape: shape, zeroPoint: zeroPoint, arguments: arguments)
    } catch {
      throw InputError(
        error.code, place: [name, error.place].compactMap { $0 }.joined(separator: "."),
        error.message)
    }
  }

  /// Reads a weight from its tensors, which may come from anyone.
  ///
  /// - Throws: `malformed` with the tensor's kind as the place, `weight_packed` and so on, where
  ///   types or shapes contradict each other or the arguments.
  package static func unpack(
    packed: Tensor, scale: Tensor, shape: Tensor, zeroPoint: Tensor?,
    arguments: QuantizationArguments
  ) throws(InputError) -> QuantizedWeight {
    try arguments.requireIntegerWeights()
    guard shape.dtype == .int64, shape.shape == [2] else {
      throw malformed("weight_shape", shape, "i64 [2]")
    }
    let sizes = shape.elements(as: Int64.self)
    let limit = Int64(1) << 31
    guard sizes.allSatisfy({ $0 > 0 && $0 < limit }) else {
      throw InputError(
        .malformed, place: "weight_shape", "found \(sizes), expected two positive sizes")
    }
    let (rows, columns) = (Int(sizes[0]), Int(sizes[1]))
    let bits = arguments.numBits
    let grouping = try arguments.grouping(rows: rows, columns: columns)

    let words = try wordCount(columns, bits: bits)
    guard packed.dtype == .int32, packed.shape == [rows, words] else {
      throw malformed(
        "weight_packed", packed,
        "i32 [\(rows), \(words)] for \(rows) rows of \(columns) codes of \(bits) bits")
    }
    let scaleTypes: [DType] = [.bfloat16, .float16, .float32]
    guard scaleTypes.contains(scale.dtype), scale.shape == grouping.parameterShape else {
      throw malformed(
        "weight_scale", scale, "bf16, f16 or f32 \(grouping.parameterShape) for \(columns) columns")
    }
    let scales = scale.floats()
    guard scales.allSatisfy(\.isFinite) else {
      throw InputError(.notFinite, place: "weight_scale", "a scale is infinite or NaN")
    }
    let zeroPoints = try zeroPoint.map { tensor throws(InputError) in
      try Self.zeroPoints(tensor, grouping: grouping, arguments: arguments)
    }
    guard (zeroPoints == nil) == arguments.isSymmetric else {
      throw InputError(
        .missing, place: "weight_zero_point", "there is none, and the weight is asymmetric")
    }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping,
      codes: unpack(packed, rows: rows, columns: columns, bits: bits),
      scales: scales, zeroPoints: zeroPoints, scaleDType: scale.dtype)
  }

  private static func zeroPoints(
    _ tensor: Tensor, grouping: WeightGrouping, arguments: QuantizationArguments
  ) throws(InputError) -> [UInt8] {
    let bits = arguments.numBits
    if arguments.strategy == .tensor {
      let middle = 1 << (bits - 1)
      guard tensor.dtype == .int8, tensor.shape == [1] else {
        throw malformed("weight_zero_point", tensor, "i8 [1]")
      }
      return try tensor.elements(as: Int8.self).map { element throws(InputError) in
        guard (-middle..<middle).contains(Int(element)) else {
          throw InputError(
            .malformed, place: "weight_zero_point",
            "found \(element), expected \(-middle) to \(middle - 1)")
        }
        return UInt8(Int(element) + middle)
      }
    }
    let words = try wordCount(grouping.rows, bits: bits)
    guard tensor.dtype == .int32, tensor.shape == [words, grouping.groups] else {
      throw malformed("weight_zero_point", tensor, "i32 [\(words), \(grouping.groups)]")
    }
    let streams = Tensor(
      transposed(tensor.elements(as: Int32.self), rows: words, columns: grouping.groups),
      shape: [grouping.groups, words], dtype: .int32)
    let columns = unpack(streams, rows: grouping.groups, columns: grouping.rows, bits: bits)
    return transposed(columns, rows: grouping.groups, columns: grouping.rows)
  }

  /// The codes of `rows` streams.
  private static func unpack(_ packed: Tensor, rows: Int, columns: Int, bits: Int) -> [UInt8] {
    let rowBytes = packed.shape[1] * 4
    return packed.withUnsafeBytes { bytes in
      [UInt8](unsafeUninitializedCapacity: rows * columns) { codes, count in
        count = rows * columns
        guard let source = bytes.bindMemory(to: UInt8.self).baseAddress,
          let target = codes.baseAddress
        else { return }
        ThreadTeam.forRanges(of: rows) { begin, end in
          for row in begin..<end {
            ck_unpack(
              source + row * rowBytes, rowBytes, Int32(bits), target + row * columns, columns)
          }
        }
      }
    }
  }

  private static func malformed(_ place: String, _ found: Tensor, _ expected: String) -> InputError
  {
    InputError(
      .malformed, place: place, "found \(found.dtype.rawValue) \(found.shape), expected \(expected)"
    )
  }
}
