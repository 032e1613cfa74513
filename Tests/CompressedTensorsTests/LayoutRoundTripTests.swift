import Checkpoints
import CompressedTensors
import Diagnostics
import LayoutSupport
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// Every layout but that of packed integers, which has tests of its own: what is written is what was
/// planned, and reads back as the same numbers.
@Suite struct LayoutRoundTripTests {
  private func expectRoundTrip(
    _ weight: QuantizedWeight, _ format: CompressionFormat, _ what: String
  ) throws {
    try LayoutSupport.expectRoundTrip(weight, format.encoding(), what)
  }

  @Test(arguments: 2...8, [CompressionFormat.intQuantized, .naiveQuantized])
  func integersInBytes(bitCount: Int, format: CompressionFormat) throws {
    var generator = SeededGenerator(seed: UInt64(bitCount))
    for columns in [1, 7, 31, 32, 33, 129, 200] {
      for (strategy, size) in PackQuantizedTests.strategies {
        for isSymmetric in [true, false] {
          let arguments = QuantizationArguments(
            bitCount: bitCount, isSymmetric: isSymmetric, strategy: strategy, groupSize: size)
          try expectRoundTrip(
            generator.quantizedWeight(5, columns, arguments), format,
            "\(columns) columns, \(strategy), symmetric \(isSymmetric)")
        }
      }
    }
  }

  static let fp8: [QuantizationArguments] = [
    QuantizationArguments(bitCount: 8, type: .float, strategy: .tensor),
    QuantizationArguments(bitCount: 8, type: .float, strategy: .channel),
    QuantizationArguments(bitCount: 8, type: .float, strategy: .group, groupSize: 128),
    QuantizationArguments(bitCount: 8, type: .float, strategy: .block, blockStructure: [128, 128]),
    QuantizationArguments(bitCount: 8, type: .float, strategy: .block, blockStructure: [2, 3]),
  ]

  @Test(arguments: fp8.indices, [1, 7, 128, 129, 200])
  func floatsInBytes(kind: Int, columns: Int) throws {
    var generator = SeededGenerator(seed: 9)
    for rows in [1, 5, 130] {
      let arguments = Self.fp8[kind]
      let weight = try generator.floatWeight(rows, columns, arguments, scaleDType: .bfloat16) {
        $0.tensor([$1], dtype: .bfloat16).floats()
      }
      for format in [CompressionFormat.floatQuantized, .naiveQuantized] {
        try expectRoundTrip(
          weight, format, "\(rows) by \(columns), \(arguments.strategy), \(format)")
      }
    }
  }

  @Test(arguments: [2, 16, 30, 32, 34, 128, 200])
  func powersOfTwo(columns: Int) throws {
    var generator = SeededGenerator(seed: 10)
    for (bitCount, format) in [(4, CompressionFormat.mxfp4PackQuantized), (8, .mxfp8Quantized)] {
      let arguments = QuantizationArguments(
        bitCount: bitCount, type: .float, strategy: .group, groupSize: 32, scaleDType: .uint8)
      // All exponents that a byte can hold, the least and the greatest first.
      let weight = try generator.floatWeight(40, columns, arguments, scaleDType: .uint8) {
        (generator, count) in
        (0..<count).map {
          let exponent = $0 < 2 ? [-127, 127][$0] : generator.below(255) - 127
          return Float(sign: .plus, exponent: exponent, significand: 1)
        }
      }
      try expectRoundTrip(weight, format, "\(bitCount) bits")
    }
  }

  @Test(arguments: [2, 16, 18, 32, 160]) func scalesOfScales(columns: Int) throws {
    var generator = SeededGenerator(seed: 11)
    let arguments = QuantizationArguments(
      bitCount: 4, type: .float, strategy: .tensorGroup, groupSize: 16, scaleDType: .float8E4M3)
    let weight = try generator.floatWeight(
      9, columns, arguments, scaleDType: .float8E4M3, globalScale: 1234.5
    ) { generator, count in
      (0..<count).map { _ in Float(8 + generator.below(8)) * Float(1 << generator.below(5)) }
    }
    try expectRoundTrip(weight, .nvfp4PackQuantized, "\(columns) columns")
  }

  /// Every number of e4m3 from 0 through those below the least normal one to 448.
  @Test func everyScaleOfNVFP4() throws {
    let arguments = QuantizationArguments(
      bitCount: 4, type: .float, strategy: .tensorGroup, groupSize: 16, scaleDType: .float8E4M3)
    var generator = SeededGenerator(seed: 14)
    let scales = (0..<127).map { (code: Int) -> Float in
      let (exponent, mantissa) = (code >> 3, Float(code & 7))
      return exponent == 0
        ? mantissa / 512
        : (1 + mantissa / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
    }
    #expect(scales.last == 448)
    let weight = try generator.floatWeight(
      127, 16, arguments, scaleDType: .float8E4M3, globalScale: 3
    ) { _, count in Array(scales[..<count]) }
    try expectRoundTrip(weight, .nvfp4PackQuantized, "every scale")
  }

  @Test func refusesPairsOfOddRows() throws {
    for (size, format, dtype) in [
      (32, CompressionFormat.mxfp4PackQuantized, DType.uint8),
      (16, .nvfp4PackQuantized, .float8E4M3),
    ] {
      let arguments = QuantizationArguments(
        bitCount: 4, type: .float, strategy: size == 16 ? .tensorGroup : .group, groupSize: size,
        scaleDType: dtype)
      expectInputError(.unsupported) {
        try format.encoding().plannedTensors(
          for: "a", rows: 2, columns: 33, arguments: arguments, scaleDType: .bfloat16)
      }
    }
  }
}

extension SeededGenerator {
  /// Any float that is a number, and the scales that `makeScales` gives.
  fileprivate mutating func floatWeight(
    _ rows: Int, _ columns: Int, _ arguments: QuantizationArguments, scaleDType: DType,
    globalScale: Float? = nil, makeScales: (inout SeededGenerator, Int) -> [Float]
  ) throws -> QuantizedWeight {
    let grouping = try arguments.grouping(rows: rows, columns: columns)
    let codes = (0..<rows * columns).map { _ in
      let code = UInt8(below(1 << arguments.bitCount))
      return code & 0x7F == 0x7F ? 0 : code
    }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping,
      codes: Tensor(bytes: codes, shape: [rows, columns], dtype: .uint8),
      scales: makeScales(&self, grouping.parameterCount), globalScale: globalScale,
      scaleDType: scaleDType)
  }
}
