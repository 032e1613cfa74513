package import Quantization
package import Tensors
package import TestSupport

extension SeededGenerator {
  /// Any codes, scales of both signs, and zero points that include the ends and the middle.
  ///
  /// - Parameter leastZeroPoint: The least zero point that a layout holds.
  package mutating func quantizedWeight(
    _ rows: Int, _ columns: Int, _ arguments: QuantizationArguments,
    scaleDType: DType = .bfloat16, leastZeroPoint: Int = 0
  ) throws -> QuantizedWeight {
    let grouping = try arguments.grouping(rows: rows, columns: columns)
    let bound = 1 << arguments.bitCount
    let count = grouping.parameterCount
    let special = [leastZeroPoint, 1, bound / 2, bound - 1].map { UInt8($0) }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping,
      codes: Tensor(
        bytes: (0..<rows * columns).map { _ in UInt8(below(bound)) }, shape: [rows, columns],
        dtype: .uint8),
      scales: tensor([count], dtype: scaleDType).floats(),
      zeroPoints: arguments.isSymmetric
        ? nil
        : (0..<count).map {
          $0 < 4 ? special[$0] : UInt8(leastZeroPoint + below(bound - leastZeroPoint))
        },
      scaleDType: scaleDType)
  }
}
