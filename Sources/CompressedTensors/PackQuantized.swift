package import Checkpoints
package import Diagnostics
package import Quantization
package import Tensors

/// Integers of 2 to 8 bits in 32-bit words: the `pack-quantized` format of compressed-tensors 0.19.
///
/// For a weight of `O` rows and `I` columns, `b` bits and `G` groups in a row:
///
/// | tensor | type | shape |
/// |---|---|---|
/// | `weight_packed` | i32 | `[O, ceil(I*b / 32)]` |
/// | `weight_scale` | that of scales | `[O, G]`; tensor strategy `[1]` |
/// | `weight_shape` | i64 | `[2]`: `O`, `I` |
/// | `weight_zero_point`, asymmetric only | i32 | `[ceil(O*b / 32), G]`; tensor strategy i8 `[1]` |
///
/// Each row of `weight_packed` is one stream of codes without gaps, the first in the lowest bits of
/// the first word, codes counted from the least integer; a row ends with zero bits. Each column of
/// `weight_zero_point` is such a stream of the zero points of all rows. The single zero point of a
/// tensor is stored plainly, less 2^(b-1).
package enum PackQuantized: WeightLayout {
  package static func plannedTensors(
    for name: String, rows: Int, columns: Int, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) -> [TensorInfo] {
    let grouping = try arguments.grouping(rows: rows, columns: columns)
    let words = try wordCount(columns, bits: arguments.numBits)
    var result = [
      TensorInfo(name: "\(name).weight_packed", dtype: .int32, shape: [rows, words]),
      TensorInfo(
        name: "\(name).weight_scale", dtype: scaleDType, shape: grouping.parameterShape),
      TensorInfo(name: "\(name).weight_shape", dtype: .int64, shape: [2]),
    ]
    if !arguments.isSymmetric {
      let words = try wordCount(rows, bits: arguments.numBits)
      result.append(
        TensorInfo(
          name: "\(name).weight_zero_point",
          dtype: arguments.strategy == .tensor ? .int8 : .int32,
          shape: arguments.strategy == .tensor ? [1] : [words, grouping.groups]))
    }
    return result
  }

  package static func tensors(
    for weight: QuantizedWeight, name: String
  ) -> [(name: String, tensor: Tensor)] {
    let bits = weight.arguments.numBits
    var result = [
      ("\(name).weight_packed", CodePacking.pack(weight.codes, bits: bits, into: .int32)),
      (
        "\(name).weight_scale",
        Tensor(weight.scales, shape: weight.grouping.parameterShape).converted(
          to: weight.scaleDType)
      ),
      (
        "\(name).weight_shape",
        Tensor([Int64(weight.rows), Int64(weight.columns)], shape: [2], dtype: .int64)
      ),
    ]
    if let zeroPoints = weight.zeroPoints {
      let tensor: Tensor
      if weight.arguments.strategy == .tensor {
        let middle = 1 << (bits - 1)
        tensor = Tensor(
          zeroPoints.map { Int8(truncatingIfNeeded: Int($0) - middle) }, shape: [1], dtype: .int8)
      } else {
        let groups = weight.grouping.groups
        let columns = Tensor(
          bytes: transposed(zeroPoints, rows: weight.rows, columns: groups),
          shape: [groups, weight.rows], dtype: .uint8)
        let packed = CodePacking.pack(columns, bits: bits, into: .int32)
        let words = packed.shape[1]
        tensor = Tensor(
          transposed(packed.elements(as: Int32.self), rows: groups, columns: words),
          shape: [words, groups], dtype: .int32)
      }
      result.append(("\(name).weight_zero_point", tensor))
    }
    return result
  }

  static func transposed<Element>(_ elements: [Element], rows: Int, columns: Int) -> [Element] {
    var result: [Element] = []
    result.reserveCapacity(elements.count)
    for column in 0..<columns {
      for row in 0..<rows { result.append(elements[row * columns + column]) }
    }
    return result
  }

  /// The 32-bit words of a stream of codes.
  static func wordCount(_ count: Int, bits: Int) throws(InputError) -> Int {
    let (product, overflow) = count.multipliedReportingOverflow(by: bits)
    guard count >= 0, !overflow, product <= Int.max - 31 else {
      throw InputError(.malformed, "\(count) codes of \(bits) bits are too many")
    }
    return (product + 31) / 32
  }
}
