import CKernels
import CPU
import Compute
import Recordings
import ReferenceDevice
import TestSupport
import Testing

/// Rounding gradients to 8 bits, under every instruction set.
@Suite(.oneAtATime) struct Int8GradientTests {
  private let rows = 37
  private let columns = 531
  private let stride = 540

  /// Values of very different size from column to column.
  private func values(_ compute: ComputeType) -> Elements {
    var generator = SeededGenerator(seed: 3)
    var floats = generator.uniform(rows * stride)
    for index in floats.indices { floats[index] *= Float(1 + index % stride % 7 * 40) }
    return Elements(floats, compute)
  }

  private var factors: [Float] { (0..<rows).map { 0.25 + Float($0 % 5) } }

  private func magnitudes(_ x: Elements, factors: [Float]?) -> [Float] {
    var greatest = [Float](repeating: 0, count: columns)
    for (begin, end) in [(0, 20), (20, 20), (20, rows)] {
      factors.withPointer {
        ck_column_magnitudes(
          x.compute.element, x.pointer, stride, $0, &greatest, columns, begin, end)
      }
    }
    return greatest
  }

  @Test(arguments: ComputeType.available, [true, false])
  func theGreatestMagnitudeOfEachColumn(compute: ComputeType, hasFactors: Bool) {
    let x = values(compute)
    let floats = x.floats
    let factors = hasFactors ? factors : nil
    let expected = (0..<columns).map { column in
      (0..<rows).map { abs(floats[$0 * stride + column] * (factors?[$0] ?? 1)) }.max()!
    }
    forEachInstructionSet { name in
      #expect(magnitudes(x, factors: factors) == expected, "\(name)")
    }
  }

  @Test func notANumberIsPassedOver() {
    let x = Elements([1, .nan, -3, .nan, .nan, .nan], .float32)
    forEachInstructionSet { name in
      var greatest: [Float] = [0, 0]
      ck_column_magnitudes(CK_F32, x.pointer, 2, nil, &greatest, 2, 0, 3)
      #expect(greatest == [3, 0], "\(name)")
      var codes = [Int8](repeating: 99, count: 6)
      ck_quantize_columns(CK_F32, x.pointer, 2, nil, [3.0 / 127, 0], 0, &codes, 2, 0, 3)
      #expect(codes[1] == 0 && codes[3] == 0 && codes[5] == 0 && codes[4] == 0, "\(name)")
      #expect(codes[2] == -127, "\(name)")
    }
  }

  /// Each number becomes one of its two neighbours, the same under all instruction sets.
  @Test(arguments: ComputeType.available, [true, false])
  func numbersBecomeNeighbours(compute: ComputeType, hasFactors: Bool) {
    let x = values(compute)
    let floats = x.floats
    let factors = hasFactors ? factors : nil
    let scales = magnitudes(x, factors: factors).map { $0 / 127 }
    var first: [Int8]?
    forEachInstructionSet { name in
      var codes = [Int8](repeating: 0, count: rows * columns)
      for (begin, end) in [(0, 13), (13, rows)] {
        factors.withPointer {
          ck_quantize_columns(
            compute.element, x.pointer, stride, $0, scales, 5, &codes, columns, begin, end)
        }
      }
      let isFar = codes.indices.contains { index in
        let (row, column) = index.quotientAndRemainder(dividingBy: columns)
        let exact = floats[row * stride + column] * (factors?[row] ?? 1) / scales[column]
        return abs(Float(codes[index]) - exact) > 1.001
      }
      #expect(!isFar, "\(name)")
      #expect(first == nil || codes == first, "\(name)")
      first = codes
    }
  }

  /// The mean of many roundings is the number itself, for numbers far below one step too.
  @Test(arguments: [0.01, 0.3, 0.5, -0.25, -7.9, 126.6] as [Float])
  func roundingIsRightOnAverage(number: Float) {
    let (rows, columns) = (4000, 64)
    let x = Elements([Float](repeating: number, count: rows * columns), .float32)
    let scales = [Float](repeating: 1, count: columns)
    var codes = [Int8](repeating: 0, count: rows * columns)
    ck_quantize_columns(CK_F32, x.pointer, columns, nil, scales, 0, &codes, columns, 0, rows)
    let all = codes.reduce(0.0) { $0 + Double($1) } / Double(codes.count)
    // The deviation of one rounding is at most a half; 256,000 of them deviate by 0.001.
    #expect(abs(all - Double(number)) < 0.005)
    for column in [0, 1, 63] {
      let sum = Swift.stride(from: column, to: codes.count, by: columns).reduce(0.0) {
        $0 + Double(codes[$1])
      }
      #expect(abs(sum / Double(rows) - Double(number)) < 0.04, "column \(column)")
    }
  }

  /// With different seeds, the mean of products of elements in the same place is the product of the numbers;
  /// with the same one it is not, since both are rounded up together.
  @Test func seedsMakeRoundingsIndependent() {
    let (rows, columns) = (4000, 64)
    let x = Elements([Float](repeating: 0.5, count: rows * columns), .float32)
    let scales = [Float](repeating: 1, count: columns)
    func codes(_ seed: UInt32) -> [Int8] {
      var codes = [Int8](repeating: 0, count: rows * columns)
      ck_quantize_columns(CK_F32, x.pointer, columns, nil, scales, seed, &codes, columns, 0, rows)
      return codes
    }
    func meanProduct(_ a: [Int8], _ b: [Int8]) -> Double {
      zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } / Double(a.count)
    }
    let first = codes(0)
    // A product is 1 with probability 1/4, so 256,000 of them deviate by 0.0009.
    for seed: UInt32 in [1, 2, 3, 100, .max] {
      #expect(abs(meanProduct(first, codes(seed)) - 0.25) < 0.005, "seed \(seed)")
    }
    #expect(abs(meanProduct(first, first) - 0.5) < 0.005)
  }

  @Test(arguments: ComputeType.available) func sumsGetTheirScales(compute: ComputeType) {
    let sums = (0..<6).map { Int32($0 * 1000 - 2500) }
    let (factors, scales): ([Float], [Float]) = ([2, 0.5], [1, 0.25, -3])
    let exact = sums.indices.map { Float(sums[$0]) * scales[$0 % 3] }
    forEachInstructionSet { name in
      var inPlace = sums.map { Float(bitPattern: UInt32(bitPattern: $0)) }
      ck_scale_sums_in_place(&inPlace, factors, scales, 3, 0, 2)
      #expect(inPlace == exact.indices.map { exact[$0] * factors[$0 / 3] }, "\(name)")
      let y = Elements([1, 1, 1, 8, 1, 1, 1, 8], compute)
      ck_scale_sums(compute.element, sums, scales, y.pointer, 4, true, 3, 0, 2)
      #expect(
        y.floats
          == compute.rounded(
            (0..<2).flatMap { row in (0..<3).map { 1 + exact[row * 3 + $0] } + [8] }), "\(name)")
      ck_scale_sums(compute.element, sums, scales, y.pointer, 4, false, 3, 0, 2)
      #expect(
        y.floats
          == compute.rounded((0..<2).flatMap { row in exact[row * 3..<row * 3 + 3] + [8] }),
        "\(name)")
    }
  }
}

extension [Float]? {
  /// Calls `body` with a pointer to the elements, or with nil.
  fileprivate func withPointer<Result>(_ body: (UnsafePointer<Float>?) -> Result) -> Result {
    guard let self else { return body(nil) }
    return self.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}
