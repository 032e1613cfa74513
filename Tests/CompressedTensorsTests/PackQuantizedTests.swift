import Checkpoints
import CompressedTensors
import Diagnostics
import LayoutSupport
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// The layout of packed integers: streams bit by bit, shapes, round trips, hostile tensors.
@Suite struct PackQuantizedTests {
  private let encoding: LayerEncoding

  init() throws { encoding = try CompressionFormat.packQuantized.encoding() }

  static let strategies: [(QuantizationArguments.Strategy, Int?)] = [
    (.tensor, nil), (.channel, nil), (.group, 32), (.group, 128), (.group, 5),
  ]

  @Test(arguments: 2...8, [1, 2, 7, 8, 31, 32, 33, 96, 129, 200])
  func roundTrips(bitCount: Int, columns: Int) throws {
    var generator = SeededGenerator(seed: UInt64(bitCount * 1000 + columns))
    for (strategy, groupSize) in Self.strategies {
      for isSymmetric in [true, false] {
        for rows in [1, 3, 11, 32] {
          let arguments = QuantizationArguments(
            bitCount: bitCount, isSymmetric: isSymmetric, strategy: strategy, groupSize: groupSize)
          let weight = try generator.quantizedWeight(rows, columns, arguments)
          try expectRoundTrip(weight, encoding)
        }
      }
    }
  }

  /// Element i of a row occupies the bits [i*b, (i+1)*b) counted through its words.
  @Test(arguments: 2...8) func streamsAreDense(bitCount: Int) throws {
    var generator = SeededGenerator(seed: 5)
    let arguments = QuantizationArguments(
      bitCount: bitCount, isSymmetric: false, strategy: .group, groupSize: 32)
    let weight = try generator.quantizedWeight(37, 77, arguments)
    let tensors = encoding.tensors(for: weight, name: "x")
    func bit(_ words: [UInt32], _ index: Int) -> Int { Int(words[index / 32] >> (index % 32) & 1) }
    let packed = tensors[0].tensor.elements(as: UInt32.self)
    let words = (77 * bitCount + 31) / 32
    for row in 0..<37 {
      let stream = Array(packed[row * words..<(row + 1) * words])
      for column in 0..<77 {
        let code = (0..<bitCount).reduce(0) { $0 | bit(stream, column * bitCount + $1) << $1 }
        #expect(code == Int(weight.codes.bytes[row * 77 + column]))
      }
      #expect((77 * bitCount..<words * 32).everySatisfies { bit(stream, $0) == 0 })
    }
    let zeroPoints = tensors[3].tensor
    let zeroWords = (37 * bitCount + 31) / 32
    #expect(zeroPoints.shape == [zeroWords, 3])
    let all = zeroPoints.elements(as: UInt32.self)
    for group in 0..<3 {
      let stream = (0..<zeroWords).map { all[$0 * 3 + group] }
      for row in 0..<37 {
        let code = (0..<bitCount).reduce(0) { $0 | bit(stream, row * bitCount + $1) << $1 }
        #expect(code == Int(try #require(weight.zeroPoints)[row * 3 + group]))
      }
    }
  }

  @Test func threeBitsStraddleWords() throws {
    var codes = [UInt8](repeating: 0, count: 32)
    codes[10] = 0b101  // bits 30 and 31 of word 0, bit 0 of word 1
    codes[21] = 0b110  // bit 31 of word 1, bits 0 and 1 of word 2
    let arguments = QuantizationArguments(bitCount: 3, strategy: .channel)
    let weight = QuantizedWeight(
      arguments: arguments, grouping: try arguments.grouping(rows: 1, columns: 32),
      codes: Tensor(bytes: codes, shape: [1, 32], dtype: .uint8),
      scales: [1], zeroPoints: nil, scaleDType: .bfloat16)
    let packed = encoding.tensors(for: weight, name: "x")[0].tensor
    #expect(packed.elements(as: UInt32.self) == [0x4000_0000, 0x0000_0001, 0x0000_0003])
  }

  /// Each zero point by itself, so that the ends and the middle are met in every strategy.
  @Test(arguments: 2...8) func everyZeroPointThatMatters(bitCount: Int) throws {
    var generator = SeededGenerator(seed: UInt64(bitCount))
    let middle = 1 << (bitCount - 1)
    let formats: [CompressionFormat] = [.packQuantized, .intQuantized, .naiveQuantized]
    for (strategy, size) in Self.strategies {
      let arguments = QuantizationArguments(
        bitCount: bitCount, isSymmetric: false, strategy: strategy, groupSize: size)
      for (rows, columns) in [(1, 1), (3, 33), (11, 128)] {
        let some = try generator.quantizedWeight(rows, columns, arguments)
        for zeroPoint in [0, 1, middle, 2 * middle - 1] {
          let weight = QuantizedWeight(
            arguments: arguments, grouping: some.grouping, codes: some.codes, scales: some.scales,
            zeroPoints: some.scales.map { _ in UInt8(zeroPoint) }, scaleDType: .bfloat16)
          for layout in try formats.map({ try $0.encoding() }) {
            let tensors = Dictionary(
              uniqueKeysWithValues: layout.tensors(for: weight, name: "x").map { ($0.0, $0.1) })
            #expect(
              try layout.weight(named: "x", arguments: arguments) { tensors[$0] } == weight,
              "\(strategy), \(rows) by \(columns), zero point \(zeroPoint), \(layout)")
            let shape = try layout.outline(named: "x", arguments: arguments) { tensors[$0] }
              .grouping
            #expect([shape.rows, shape.columns] == [rows, columns])
          }
        }
      }
    }
  }

  @Test(arguments: 2...8) func zeroPointsShiftByTheMiddle(bitCount: Int) throws {
    let arguments = QuantizationArguments(bitCount: bitCount, isSymmetric: false, strategy: .tensor)
    let middle = 1 << (bitCount - 1)
    for zeroPoint in [0, 1, middle, 2 * middle - 1] {
      let weight = QuantizedWeight(
        arguments: arguments, grouping: try arguments.grouping(rows: 1, columns: 2),
        codes: Tensor(bytes: [0, UInt8(zeroPoint)], shape: [1, 2], dtype: .uint8), scales: [0.5],
        zeroPoints: [UInt8(zeroPoint)],
        scaleDType: .float32)
      let stored = encoding.tensors(for: weight, name: "x")[3].tensor
      #expect(stored.elements(as: Int8.self) == [Int8(zeroPoint - middle)])
      #expect(weight.dequantized(to: .float32).floats() == [-0.5 * Float(zeroPoint), 0])
    }
  }

  @Test func refusesHostileTensors() throws {
    var generator = SeededGenerator(seed: 6)
    let arguments = QuantizationArguments(
      bitCount: 4, isSymmetric: false, strategy: .group, groupSize: 32)
    let weight = try generator.quantizedWeight(8, 64, arguments)
    let good = Dictionary(
      uniqueKeysWithValues: encoding.tensors(for: weight, name: "x").map { ($0.0, $0.1) })
    func shape(_ rows: Int64, _ columns: Int64) -> Tensor {
      Tensor([rows, columns], shape: [2], dtype: .int64)
    }
    let bad: [(String, Tensor?, InputError.Code)] = [
      ("weight_packed", nil, .missing),
      ("weight_scale", nil, .missing),
      ("weight_shape", nil, .missing),
      ("weight_zero_point", nil, .missing),
      ("weight_packed", Tensor(zeros: [8, 7], dtype: .int32), .malformed),
      ("weight_packed", Tensor(zeros: [64], dtype: .int32), .malformed),
      ("weight_packed", Tensor(zeros: [8, 8], dtype: .float32), .malformed),
      ("weight_shape", shape(8, 65), .malformed),
      ("weight_shape", shape(-8, 64), .malformed),
      ("weight_shape", shape(0, 0), .malformed),
      ("weight_shape", shape(.max, .max), .malformed),
      ("weight_shape", shape(1 << 30, 1 << 30), .malformed),
      ("weight_shape", Tensor(zeros: [2], dtype: .int32), .malformed),
      ("weight_scale", Tensor(zeros: [8, 1], dtype: .bfloat16), .malformed),
      ("weight_scale", Tensor(zeros: [8, 2], dtype: .int8), .malformed),
      ("weight_scale", Tensor([Float](repeating: .nan, count: 16), shape: [8, 2]), .notFinite),
      ("weight_zero_point", Tensor(zeros: [8, 2], dtype: .int32), .malformed),
      ("weight_zero_point", Tensor(zeros: [1, 2], dtype: .int8), .malformed),
    ]
    for (kind, tensor, code) in bad {
      var tensors = good
      tensors["x.\(kind)"] = tensor
      expectInputError(code, mentioning: ["x.weight_"]) {
        try encoding.weight(named: "x", arguments: arguments) { tensors[$0] }
      }
    }
    var tensorArguments = arguments
    tensorArguments.strategy = .tensor
    tensorArguments.groupSize = nil
    for tensor in [
      Tensor([Int8(8)], shape: [1], dtype: .int8), Tensor([Int8(-9)], shape: [1], dtype: .int8),
    ] {
      expectInputError(.malformed, mentioning: ["weight_zero_point", "-8 to 7"]) {
        let tensors = [
          "x.weight_packed": Tensor(zeros: [8, 8], dtype: .int32),
          "x.weight_scale": Tensor([1], shape: [1]), "x.weight_shape": shape(8, 64),
          "x.weight_zero_point": tensor,
        ]
        return try encoding.weight(named: "x", arguments: tensorArguments) { tensors[$0] }
      }
    }
    expectInputError(.malformed) {
      try encoding.plannedTensors(
        for: "x", rows: 1, columns: .max, arguments: arguments, scaleDType: .bfloat16)
    }
  }
}
