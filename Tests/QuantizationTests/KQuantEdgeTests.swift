import Diagnostics
import Foundation
import Quantization
import Tensors
import TestSupport
import Testing
import WeightBlocks

/// Weights at the ends of their range, importances of every kind, and what is refused.
@Suite struct KQuantEdgeTests {
  static let wave = (0..<512).map { Float($0 * 7 % 13) - 6 }
  static let edges: [(name: String, weight: [Float])] = [
    ("zeros", Array(repeating: 0, count: 512)),
    ("negative zeros", Array(repeating: -0.0, count: 512)),
    ("all equal", Array(repeating: 0.75, count: 512)),
    ("all equal and negative", Array(repeating: -0.75, count: 512)),
    ("far above zero", wave.map { 5.5 + $0 / 12 }),
    ("far below zero", wave.map { -5.5 + $0 / 12 }),
    ("one outlier", wave.enumerated().map { $0.offset == 77 ? 60000 : $0.element * 1e-3 }),
    ("a group of zeros", wave.enumerated().map { 64..<96 ~= $0.offset ? 0 : $0.element }),
    ("subnormal", wave.map { $0 * 0x1p-139 }),
    ("near the least scale", wave.map { $0 * 1e-30 }),
    ("below the least of f16", wave.map { $0 * 1e-9 }),
    ("largest of f16", wave.map { $0 < 0 ? -65504 : 65504 }),
    ("mixed", wave),
  ]
  static let importances: [[Float]?] = {
    let columns = (0..<256).map { Float($0) }
    // Groups without importance, with little of it, and with gaps.
    let zeros = columns.map { column -> Float in
      if column < 64 { return 0 }
      if column < 128 { return Int(column) % 5 == 0 ? column : 0 }
      return Int(column) % 7 == 0 ? 0 : column
    }
    return [
      nil, Array(repeating: 0, count: 256), Array(repeating: 1, count: 256), zeros,
      zeros.map { $0 * 1e36 }, columns.map { $0 * .leastNonzeroMagnitude },
    ]
  }()

  @Test(arguments: edges.indices, KQuantType.allCases)
  func staysFiniteAndNear(edge: Int, type: KQuantType) throws {
    let (name, elements) = Self.edges[edge]
    for (number, importance) in Self.importances.enumerated() {
      for scaleDType in [DType.float16, .float32] {
        let what = "\(name), \(type.rawValue), importance \(number), \(scaleDType.rawValue)"
        let result = try KQuantizedWeight(
          Tensor(elements, shape: [2, 256]), type: type, importance: importance,
          scaleDType: scaleDType)
        for block in result.superBlocks {
          #expect(block.scale.isFinite && block.minimumScale.isFinite, "\(what)")
          #expect(!type.isAsymmetric || (block.scale >= 0 && block.minimumScale >= 0), "\(what)")
          for subBlock in 0..<16 {
            let isUsed = subBlock < type.subBlockCount
            let scale = Int(block.scales[subBlock])
            #expect(isUsed ? type.scaleRange ~= scale : scale == 0, "\(what)")
            let minimum = Int(block.minimums[subBlock])
            #expect(
              isUsed && type.isAsymmetric ? type.scaleRange ~= minimum : minimum == 0, "\(what)")
          }
        }
        try expectNearestCodes(result, elements, what)
        expectNear(result, elements, what)
      }
    }
  }

  /// Records an issue unless no weight is farther off than a step of its super-block, or, where
  /// symmetric codes end before the positive weights do, than a step and a quarter. Where weights
  /// are too small for a scale, all of a sub-block become zero, or the least of them.
  private func expectNear(_ result: KQuantizedWeight, _ elements: [Float], _ what: String) {
    let weight = result.dequantized(to: .float32).floats()
    let type = result.type
    for first in stride(from: 0, to: elements.count, by: 256) {
      let range = first..<first + 256
      let largest = elements[range].reduce(0) { max($0, abs($1)) }
      let least: Float = result.scaleDType == .float16 ? 1e-6 : 1e-25
      let steps = Float(1 << type.bitCount)
      let share =
        largest < least ? 2 : type.isAsymmetric ? 1.05 / (steps - 1) : 1.25 / (steps / 2)
      let farthest = range.reduce(Float(0)) { max($0, abs(weight[$1] - elements[$1])) }
      #expect(
        farthest <= share * largest && weight[range].everySatisfies { $0.isFinite },
        "\(what): \(farthest) of \(largest)")
    }
  }

  /// The sums of the descent for q3_k may vanish; scales made of what is left are not used.
  @Test func scalesFitTheirWeights() throws {
    var generator = SeededGenerator(seed: 5)
    let weight = generator.tensor([256, 2048], deviation: 0.05)
    let elements = weight.floats()
    let result = try KQuantizedWeight(weight, type: .q3K, scaleDType: .float32)
    for (index, block) in result.superBlocks.enumerated() {
      let largest = elements[index * 256..<(index + 1) * 256].reduce(0) { max($0, abs($1)) }
      #expect(abs(32 * block.scale) <= 2 * largest / 4 * 1.000001)
    }
  }

  @Test func everyWeightTypeGivesTheSame() throws {
    let narrow = Tensor(Self.wave, shape: [2, 256])
    let double = Tensor(Self.wave.map { Double($0) }, shape: [2, 256], dtype: .float64)
    for type in KQuantType.allCases {
      let expected = try KQuantizedWeight(narrow, type: type)
      for weight in [narrow.converted(to: .bfloat16), narrow.converted(to: .float16), double] {
        #expect(try KQuantizedWeight(weight, type: type) == expected)
      }
    }
  }

  /// Whatever bits numbers have, results are numbers, and codes the nearest.
  @Test(arguments: KQuantType.allCases) func standsAnyNumbers(type: KQuantType) throws {
    var generator = SeededGenerator(seed: 17)
    for _ in 0..<40 {
      // Full range, or near each other.
      let exponents = Bool.random(using: &generator) ? UInt32(0)...141 : 100...104
      func number(_ exponents: ClosedRange<UInt32>) -> Float {
        let pattern = UInt32.random(in: 0...0x7F_FFFF, using: &generator)
        return Float(bitPattern: UInt32.random(in: exponents, using: &generator) << 23 | pattern)
      }
      let elements = (0..<512).map { _ in number(exponents) * (generator.below(2) == 0 ? 1 : -1) }
      let zeros = generator.below(4)
      let importance = (0..<256).map { _ in generator.below(4) < zeros ? 0 : number(0...254) }
      for importance in [nil, importance] {
        for scaleDType in [DType.float16, .float32] {
          let result = try KQuantizedWeight(
            Tensor(elements, shape: [2, 256]), type: type, importance: importance,
            scaleDType: scaleDType)
          #expect(
            result.superBlocks.everySatisfies { block in
              block.minimumScale.isFinite && block.minimumScale >= 0 && block.scale.isFinite
                && (block.scale >= 0 || !type.isAsymmetric)
            })
          #expect(result.dequantized(to: .float32).floats().everySatisfies { $0.isFinite })
          try expectNearestCodes(result, elements, "\(exponents)")
        }
      }
    }
  }

  @Test func refusesOtherWeights() {
    func refuse(_ code: InputError.Code, _ words: [String], _ weight: Tensor) {
      for type in KQuantType.allCases {
        expectInputError(code, mentioning: words) { try KQuantizedWeight(weight, type: type) }
      }
    }
    refuse(.unsupported, ["300 columns", "256"], Tensor(zeros: [2, 300], dtype: .float32))
    refuse(.malformed, ["[512]"], Tensor(zeros: [512], dtype: .float32))
    refuse(.malformed, ["[2, 1, 256]"], Tensor(zeros: [2, 1, 256], dtype: .float32))
    refuse(.malformed, ["empty", "[0, 256]"], Tensor(zeros: [0, 256], dtype: .float32))
    refuse(.malformed, ["empty", "[3, 0]"], Tensor(zeros: [3, 0], dtype: .bfloat16))
    refuse(.unsupported, ["i32"], Tensor(zeros: [1, 256], dtype: .int32))
    for bad: Float in [.nan, .infinity, -.infinity, 65505, -3e38] {
      for place in [256, 300, 511] {
        var elements = Self.wave
        elements[place] = bad
        refuse(.notFinite, ["row 1"], Tensor(elements, shape: [2, 256]))
      }
    }
  }

  @Test func refusesOtherImportances() {
    let weight = Tensor(Self.wave, shape: [2, 256])
    var importance = [Float](repeating: 1, count: 256)
    func refuse(_ words: [String]) {
      expectInputError(.invalidValue, mentioning: ["importance"] + words) {
        try KQuantizedWeight(weight, type: .q4K, importance: importance)
      }
    }
    for bad: Float in [.nan, .infinity, -.infinity, -1e-30] {
      importance[200] = bad
      refuse(["column 200", "\(bad)"])
    }
    importance = [1, 1]
    refuse(["found 2", "256"])
    importance = []
    refuse(["found 0", "256"])
  }
}
