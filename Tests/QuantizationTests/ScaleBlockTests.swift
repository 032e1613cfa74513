import Diagnostics
import Quantization
import Tensors
import TestSupport
import Testing
import WeightBlocks

/// Tuned weights in blocks of GGUF: the same numbers, or an error.
@Suite struct TunedScaleBlockTests {
  /// Codes of all kinds, and scales of either sign that are exact in f16.
  private func weight(
    _ arguments: QuantizationArguments, rows: Int = 3, columns: Int = 128,
    scale: (Int) -> Float = { Float($0 % 5 + 1) * ($0 % 3 == 0 ? -0.125 : 0.0625) },
    zero: ((Int) -> Int)? = nil
  ) throws -> QuantizedWeight {
    let grouping = try arguments.grouping(rows: rows, columns: columns)
    let codeCount = 1 << arguments.bitCount
    return try arguments.weight(
      grouping: grouping,
      codes: (0..<rows * columns).map { UInt8($0 * 37 % codeCount) },
      scales: (0..<grouping.parameterCount).map(scale),
      zeroPoints: arguments.isSymmetric
        ? nil : (0..<grouping.parameterCount).map { UInt8(zero?($0) ?? $0 * 7 % codeCount) },
      globalScale: nil, like: Tensor(zeros: [rows, columns], dtype: .bfloat16))
  }

  private func arguments(
    _ bitCount: Int, isSymmetric: Bool = true, groupSize: Int? = 32
  ) -> QuantizationArguments {
    QuantizationArguments(
      bitCount: bitCount, isSymmetric: isSymmetric, strategy: groupSize == nil ? .channel : .group,
      groupSize: groupSize)
  }

  @Test(arguments: 2...8, [32, 64, 128, nil] as [Int?])
  func symmetricWeights(bitCount: Int, groupSize: Int?) throws {
    let arguments = arguments(bitCount, groupSize: groupSize)
    let type = try ScaleBlockType.holding(arguments)
    #expect(type == (bitCount <= 4 ? .q40 : bitCount == 5 ? .q50 : .q80))
    let weight = try weight(arguments)
    let blocks = try ScaleBlockWeight(weight, type: type)
    expectIdentical(blocks.dequantized(to: .float32), weight.dequantized(to: .float32))
    expectIdentical(blocks.dequantized(to: .bfloat16), weight.dequantized(to: .bfloat16))
    #expect(blocks.scales.count == 3 * 4)
  }

  @Test(arguments: 2...7, [32, 128, nil] as [Int?])
  func weightsWithZeroPoints(bitCount: Int, groupSize: Int?) throws {
    let arguments = arguments(bitCount, isSymmetric: false, groupSize: groupSize)
    let type = try ScaleBlockType.holding(arguments)
    #expect(type == (bitCount <= 3 ? .q40 : bitCount == 4 ? .q50 : .q80))
    for zero in [0, (1 << bitCount) - 1, nil] {
      let weight = try weight(arguments, zero: zero.map { zero in { _ in zero } })
      expectIdentical(
        try ScaleBlockWeight(weight, type: type).dequantized(to: .float32),
        weight.dequantized(to: .float32))
    }
  }

  /// With minimums, which are products of scale and zero point.
  @Test(arguments: [(4, ScaleBlockType.q41), (5, .q51)])
  func weightsWithMinimums(bitCount: Int, type: ScaleBlockType) throws {
    let arguments = arguments(bitCount, isSymmetric: false)
    let weight = try weight(arguments)
    let blocks = try ScaleBlockWeight(weight, type: type)
    expectClose(blocks.dequantized(to: .float32), weight.dequantized(to: .float32), .exact)
    // 8 bits of a scale times 4 of a zero point are one more than f16 has.
    let inexact = try self.weight(arguments, scale: { _ in 255 }, zero: { _ in 15 })
    #expect(!Float(255 * 15).isExactInHalfPrecision)
    expectInputError(.unsupported, mentioning: ["minimums", "row 0", type.rawValue]) {
      try ScaleBlockWeight(inexact, type: type)
    }
  }

  @Test func scalesThatHalvesDoNotHold() throws {
    let arguments = arguments(4)
    // The least with 8 bits, and those around it and the greatest.
    for (scale, isExact) in [
      (Float(0x1.FEp-17), true), (0x1.FEp-18, false), (0x1p-24, true), (0x1p-25, false),
      (0x1.FEp15, true), (0x1p16, false), (-0x1.FEp-18, false), (0, true),
    ] {
      #expect(scale.isExactInHalfPrecision == isExact, "\(scale)")
      let weight = try weight(arguments, scale: { $0 == 5 ? scale : 0.5 })
      if isExact {
        #expect(try ScaleBlockWeight(weight, type: .q40).scales[5] == scale)
      } else {
        expectInputError(.unsupported, mentioning: ["scales", "row 1, column 32", "q4_0"]) {
          try ScaleBlockWeight(weight, type: .q40)
        }
      }
    }
  }

  /// A block of zeros is zeros with any scale.
  @Test func scalesOfZeros() throws {
    let arguments = arguments(4)
    let grouping = try arguments.grouping(rows: 1, columns: 64)
    let weight = try arguments.weight(
      grouping: grouping, codes: [UInt8](repeating: 8, count: 64), scales: [0x1p-30, 0.5],
      zeroPoints: nil, globalScale: nil, like: Tensor(zeros: [1, 64], dtype: .bfloat16))
    let blocks = try ScaleBlockWeight(weight, type: .q40)
    #expect(blocks.scales == [0, 0.5])
    #expect(blocks.dequantized(to: .float32).floats().everySatisfies { $0 == 0 })
  }

  @Test func schemesThatBlocksDoNotHold() throws {
    expectInputError(.unsupported, mentioning: ["num_bits", "found 8"]) {
      try ScaleBlockType.holding(arguments(8, isSymmetric: false))
    }
    for size in [16, 48] {
      expectInputError(.unsupported, mentioning: ["group_size", "found \(size)", "32"]) {
        try ScaleBlockType.holding(arguments(4, groupSize: size))
      }
    }
    var floats = arguments(8, groupSize: nil)
    floats.type = .float
    expectInputError(.unsupported, mentioning: ["type", "float"]) {
      try ScaleBlockType.holding(floats)
    }
    var blocks = arguments(8, groupSize: nil)
    (blocks.strategy, blocks.blockStructure) = (.block, [32, 32])
    expectInputError(.unsupported, mentioning: ["strategy", "block"]) {
      try ScaleBlockType.holding(blocks)
    }
    // A type with too few codes, and rows that are not whole blocks.
    let wide = try weight(arguments(8))
    expectInputError(.unsupported, mentioning: ["codes", "-128 to 127", "-8 to 7"]) {
      try ScaleBlockWeight(wide, type: .q40)
    }
    let odd = try weight(arguments(4), columns: 80)
    expectInputError(.unsupported, mentioning: ["80 columns"]) {
      try ScaleBlockWeight(odd, type: .q40)
    }
  }
}

/// Weights that are rounded without tuning.
@Suite struct RoundedScaleBlockTests {
  /// A searched scale loses less of what counts, and less than half a code of any weight where all count the same.
  @Test(arguments: ScaleBlockType.allCases) func importanceMatters(type: ScaleBlockType) throws {
    var generator = SeededGenerator(seed: 11)
    let weight = generator.tensor([16, 512], deviation: 0.05)
    let importance = generator.uniform(512, in: 0...1).map { $0 * $0 * $0 * $0 + 1e-4 }
    func loss(_ result: ScaleBlockWeight) -> Double {
      zip(weight.floats(), result.dequantized(to: .float32).floats()).enumerated()
        .reduce(0) { sum, element in
          let difference = Double(element.element.0 - element.element.1)
          return sum + Double(importance[element.offset % 512]) * difference * difference
        }
    }
    let without = try ScaleBlockWeight(weight, type: type)
    let with = try ScaleBlockWeight(weight, type: type, importance: importance)
    if type == .q80 {
      #expect(with == without)
    } else {
      #expect(loss(with) < 0.9 * loss(without), "\(loss(with) / loss(without))")
    }
    for exponent in [3, -3, 110, -110] {
      let factor = Float(sign: .plus, exponent: exponent, significand: 1)
      let scaled = importance.map { $0 * factor }
      let result = try ScaleBlockWeight(weight, type: type, importance: scaled)
      #expect(result == with, "2^\(exponent)")
    }
    let nothing = [Float](repeating: 0, count: 512)
    #expect(try ScaleBlockWeight(weight, type: type, importance: nothing) == without)
  }

  @Test(arguments: ScaleBlockType.allCases)
  func numbersOfAllSizes(type: ScaleBlockType) throws {
    var elements = [Float](repeating: 0, count: 32 * 8)
    let cases: [Float] = [0x1p-149, 0x1p-126, 0x1p-30, 65504, -65504, 1, -0.0, 0x1.FFFFFEp-1]
    for (block, number) in cases.enumerated() {
      for index in 0..<32 { elements[block * 32 + index] = number * Float(index % 3 - 1) }
    }
    let weight = Tensor(elements, shape: [2, 128])
    let importances: [[Float]?] = [
      nil, [Float](repeating: 1, count: 128), (0..<128).map { $0 < 64 ? 0 : Float($0) },
      (0..<128).map { $0 % 2 == 0 ? .greatestFiniteMagnitude : 0x1p-149 },
    ]
    for importance in importances {
      let result = try ScaleBlockWeight(weight, type: type, importance: importance)
      let numbers = result.dequantized(to: .float32).floats()
      for (index, (found, wanted)) in zip(numbers, elements).enumerated() {
        let allowed = max(cases[index / 32].magnitude / 7, 0x1p-25)
        #expect(abs(found - wanted) <= allowed, "element \(index)")
      }
      #expect(numbers.count == 256)
    }
  }

  @Test func resultsDoNotDependOnThreads() throws {
    let team = ThreadTeam.size
    defer { ThreadTeam.size = team }
    var generator = SeededGenerator(seed: 4)
    let weight = generator.tensor([7, 96])
    for type in ScaleBlockType.allCases {
      for importance in [nil, generator.uniform(96, in: 0...1)] {
        ThreadTeam.size = 1
        let expected = try ScaleBlockWeight(weight, type: type, importance: importance)
        ThreadTeam.size = 3
        #expect(try ScaleBlockWeight(weight, type: type, importance: importance) == expected)
      }
    }
  }

  @Test func weightsThatCannotBeRounded() {
    let type = ScaleBlockType.q40
    expectInputError(.unsupported, mentioning: ["33 columns", "q4_0", "32"]) {
      try ScaleBlockWeight(Tensor(zeros: [2, 33], dtype: .float32), type: type)
    }
    expectInputError(.malformed, mentioning: ["two dimensions"]) {
      try ScaleBlockWeight(Tensor(zeros: [32], dtype: .float32), type: type)
    }
    expectInputError(.notFinite, mentioning: ["row 0"]) {
      try ScaleBlockWeight(
        Tensor([Float](repeating: .infinity, count: 32), shape: [1, 32]), type: type)
    }
    expectInputError(.invalidValue, mentioning: ["importance"]) {
      try ScaleBlockWeight(
        Tensor(zeros: [1, 32], dtype: .float32), type: type,
        importance: [Float](repeating: -1, count: 32))
    }
  }
}
