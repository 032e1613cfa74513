import Quantization
import Tensors
import Testing

/// How far a quantized weight is from its source.
@Suite struct WeightErrorTests {
  private let arguments = QuantizationArguments(bitCount: 4, strategy: .group, groupSize: 2)

  private func weight(_ codes: [UInt8], scales: [Float], rows: Int, columns: Int) throws
    -> QuantizedWeight
  {
    QuantizedWeight(
      arguments: arguments, grouping: try arguments.grouping(rows: rows, columns: columns),
      codes: Tensor(codes, shape: [rows, columns], dtype: .uint8), scales: scales,
      scaleDType: .float32)
  }

  @Test(arguments: [DType.float32, .bfloat16])
  func isAShareOfTheNorm(_ dtype: DType) throws {
    // Codes count from -8: the numbers are 0.5, 1, -2, 0 and 3, 0, 0, 4.
    let quantized = try weight(
      [9, 10, 7, 8, 11, 8, 8, 12], scales: [0.5, 2, 1, 1], rows: 2, columns: 4)
    let source = Tensor([0.5, 1, -2, 0.75, 3, 0, -1, 4], shape: [2, 4]).converted(to: dtype)
    let norm = 0.25 + 1 + 4 + 0.5625 + 9 + 1 + 16
    let expected = ((0.5625 + 1) / norm).squareRoot()
    #expect(abs(quantized.relativeError(from: source) - expected) < 1e-12)
  }

  @Test func largeNumbersHaveOne() throws {
    let quantized = try weight([9, 9], scales: [1e38], rows: 1, columns: 2)
    let source = Tensor([1e38, 3e38], shape: [1, 2])
    #expect(abs(quantized.relativeError(from: source) - 2 / 10.0.squareRoot()) < 1e-6)
  }

  @Test func zerosHaveNone() throws {
    let quantized = try weight([8, 8], scales: [1], rows: 1, columns: 2)
    #expect(quantized.relativeError(from: Tensor([0, 0], shape: [1, 2])) == 0)
  }
}
