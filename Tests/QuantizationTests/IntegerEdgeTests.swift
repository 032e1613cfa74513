import CKernels
import Diagnostics
import Quantization
import Tensors
import TestSupport
import Testing

/// Weights and gradients at the ends of their ranges, odd shapes, and what tuning relies on.
@Suite struct IntegerEdgeTests {
  static let edges: [(name: String, row: [Float])] = {
    let wave = (0..<40).map { Float($0 % 7) - 3 }
    return [
      ("zeros", [Float](repeating: 0, count: 40)),
      ("negative zeros", [Float](repeating: -0.0, count: 40)),
      ("all equal", [Float](repeating: 0.75, count: 40)),
      ("all equal and negative", [Float](repeating: -0.75, count: 40)),
      ("one outlier", wave.enumerated().map { $0.offset == 3 ? 60000 : $0.element * 1e-3 }),
      ("subnormal", wave.map { $0 * 0x1p-139 }),
      ("below the least scale", wave.map { $0 * 1e-7 }),
      ("largest f16", wave.map { $0 * 65504 / 3 }),
      ("mixed", wave),
    ]
  }()

  @Test(
    arguments: Array(edges.indices),
    [DType.bfloat16, .float16, .float32])
  func results(edge: Int, scaleDType: DType) throws {
    let weight = Tensor(Self.edges[edge].row, shape: [1, 40])
    for bitCount in 2...8 {
      for isSymmetric in [true, false] {
        for (strategy, size) in [
          (QuantizationArguments.Strategy.group, 16), (.channel, nil), (.tensor, nil),
        ] {
          let arguments = QuantizationArguments(
            bitCount: bitCount, isSymmetric: isSymmetric, strategy: strategy, groupSize: size)
          let quantizer = try IntegerWeightQuantizer(
            weight: weight, arguments: arguments, scaleDType: scaleDType)
          let what =
            "\(Self.edges[edge].name), \(bitCount) bits, symmetric \(isSymmetric), \(strategy)"
          for _ in 0..<3 {
            let result = try quantizer.finished()
            #expect(result.scales.everySatisfies { $0.isFinite && $0 != 0 }, "\(what)")
            #expect(result.codes.bytes.everySatisfies { Int($0) < 1 << bitCount }, "\(what)")
            #expect(
              result.zeroPoints?.everySatisfies { Int($0) < 1 << bitCount } ?? true, "\(what)")
            let stored = result.dequantized(to: .float32)
            expectClose(quantizer.quantized(to: .float32), stored, .exact, what)
            // Nothing is off by more than a step, or half of one where nothing is clipped.
            let largest = result.scales.map(abs).max() ?? 0
            expectClose(stored, weight, Tolerance(absolute: Double(largest) * 1.01), what)
            let gradient = [Float](repeating: 1, count: 40)
            quantizer.step(gradient: gradient, learningRate: 1e-3, rangeLearningRate: 1e-3)
          }
        }
      }
    }
  }

  /// Searched scales are finite whatever errors weigh, and tuning goes on from them.
  @Test(arguments: Array(edges.indices), [DType.bfloat16, .float16, .float32])
  func searchedResults(edge: Int, scaleDType: DType) throws {
    let weight = Tensor(Self.edges[edge].row, shape: [1, 40])
    let importances: [[Float]?] = [
      nil, Array(repeating: 0, count: 40), (0..<40).map { $0 % 3 == 0 ? 0 : Float($0) * 1e30 },
    ]
    for bitCount in 2...8 {
      for (strategy, size) in [(QuantizationArguments.Strategy.group, 16), (.channel, nil)] {
        for importance in importances {
          let quantizer = try IntegerWeightQuantizer(
            weight: weight,
            arguments: QuantizationArguments(
              bitCount: bitCount, strategy: strategy, groupSize: size),
            scaleDType: scaleDType)
          quantizer.searchScales(importance: importance)
          for _ in 0..<2 {
            let result = try quantizer.finished()
            let what = "\(Self.edges[edge].name), \(bitCount) bits, \(strategy)"
            #expect(result.scales.everySatisfies { $0.isFinite && $0 != 0 }, "\(what)")
            #expect(result.codes.bytes.everySatisfies { Int($0) < 1 << bitCount }, "\(what)")
            #expect(
              quantizer.quantized(to: .float32).floats().everySatisfies { $0.isFinite }, "\(what)")
            quantizer.step(
              gradient: [Float](repeating: -1, count: 40), learningRate: 1e-2,
              rangeLearningRate: 0.5)
          }
        }
      }
    }
  }

  /// With zero points, of weights that are only rounded.
  @Test(arguments: Array(edges.indices), [DType.bfloat16, .float16, .float32])
  func searchedAsymmetricResults(edge: Int, scaleDType: DType) throws {
    let weight = Tensor(Self.edges[edge].row, shape: [1, 40])
    for importance: [Float]? in [
      nil, Array(repeating: 0, count: 40), (0..<40).map { Float($0) * 1e30 },
    ] {
      let quantizer = try IntegerWeightQuantizer(
        weight: weight,
        arguments: QuantizationArguments(
          bitCount: 2, isSymmetric: false, strategy: .group, groupSize: 16),
        scaleDType: scaleDType, isTuned: false)
      quantizer.searchScales(importance: importance)
      let result = try quantizer.finished()
      let what = "\(Self.edges[edge].name)"
      #expect(result.scales.everySatisfies { $0.isFinite && $0 > 0 }, "\(what)")
      #expect(result.codes.bytes.everySatisfies { $0 < 4 }, "\(what)")
      #expect(result.zeroPoints?.everySatisfies { $0 < 4 } == true, "\(what)")
      expectClose(
        quantizer.quantized(to: .float32), result.dequantized(to: .float32), .exact, what)
    }
  }

  @Test func zeroGroupHasNoGradientAndStaysZero() throws {
    let quantizer = try IntegerWeightQuantizer(
      weight: Tensor(zeros: [2, 32], dtype: .bfloat16),
      arguments: QuantizationArguments(bitCount: 4, strategy: .group, groupSize: 16),
      scaleDType: .bfloat16)
    let gradients = quantizer.gradients(of: [Float](repeating: 3, count: 64))
    #expect(gradients.alpha.everySatisfies { $0 == 0 })
    #expect(gradients.beta.everySatisfies { $0 == 0 })
    #expect(try quantizer.finished().codes.bytes.everySatisfies { $0 == 8 })
  }

  @Test func badGradientsMoveNothing() throws {
    var generator = SeededGenerator(seed: 1)
    let quantizer = try IntegerWeightQuantizer(
      weight: generator.tensor([3, 20]),
      arguments: QuantizationArguments(bitCount: 3, strategy: .channel), scaleDType: .float16)
    let before = quantizer.parameters
    quantizer.step(
      gradient: [Float](repeating: .nan, count: 60), learningRate: 0.1, rangeLearningRate: 0.1)
    #expect(quantizer.parameters == before)
    quantizer.step(
      gradient: [Float](repeating: 0, count: 60), learningRate: 0.1, rangeLearningRate: 0.1)
    #expect(quantizer.parameters == before)
  }

  @Test func rangeScalesAreClampedInPlace() throws {
    let quantizer = try IntegerWeightQuantizer(
      weight: Tensor([-1, 2, 3, -4], shape: [1, 4]),
      arguments: QuantizationArguments(bitCount: 4, strategy: .channel), scaleDType: .float32)
    quantizer.setParameters(values: nil, alpha: [1.5], beta: [-0.5])
    _ = quantizer.quantized(to: .float32)
    #expect(quantizer.parameters.alpha == [1])
    #expect(quantizer.parameters.beta == [0])
  }

  @Test func rowsMayLieApart() throws {
    var generator = SeededGenerator(seed: 3)
    let weight = generator.tensor([4, 33])
    let quantizer = try IntegerWeightQuantizer(
      weight: weight, arguments: QuantizationArguments(bitCount: 4, strategy: .channel),
      scaleDType: .float32)
    let dense = quantizer.quantized(to: .bfloat16).elements(as: UInt16.self)
    var spread = [UInt16](repeating: 7, count: 4 * 40)
    spread.withUnsafeMutableBytes { bytes in
      if let base = bytes.baseAddress {
        quantizer.quantizeDequantize(into: base, dtype: .bfloat16, rowStride: 40)
      }
    }
    for row in 0..<4 {
      #expect(Array(spread[row * 40..<row * 40 + 33]) == Array(dense[row * 33..<row * 33 + 33]))
      #expect(spread[row * 40 + 33..<row * 40 + 40].everySatisfies { $0 == 7 })
    }
  }

  @Test(arguments: [1, 2, 3, 5]) func resultsDoNotDependOnThreads(count: Int) throws {
    let team = ThreadTeam.size
    defer { ThreadTeam.size = team }
    func run(_ threads: Int, _ strategy: QuantizationArguments.Strategy) throws -> QuantizedWeight {
      ThreadTeam.size = threads
      var generator = SeededGenerator(seed: 4)
      let quantizer = try IntegerWeightQuantizer(
        weight: generator.tensor([13, 100]),
        arguments: QuantizationArguments(
          bitCount: 4, isSymmetric: false, strategy: strategy,
          groupSize: strategy == .group ? 32 : nil),
        scaleDType: .bfloat16)
      for _ in 0..<5 {
        _ = quantizer.quantized(to: .float32)
        quantizer.step(
          gradient: generator.normal(1300), learningRate: 0.1, rangeLearningRate: 0.05)
      }
      return try quantizer.finished()
    }
    for strategy in [QuantizationArguments.Strategy.group, .tensor] {
      #expect(try run(count, strategy) == run(1, strategy))
    }
  }

  @Test func refusesWhatIsNotFinite() {
    let arguments = QuantizationArguments(bitCount: 4, strategy: .channel)
    for bad in [Float.nan, .infinity, -.infinity] {
      expectInputError(.notFinite, mentioning: ["row 1"]) {
        try IntegerWeightQuantizer(
          weight: Tensor([1, 2, 3, bad], shape: [2, 2]), arguments: arguments,
          scaleDType: .float32)
      }
    }
    expectInputError(.notFinite, mentioning: ["f16"]) {
      try IntegerWeightQuantizer(
        weight: Tensor([1, 1e30], shape: [1, 2]), arguments: arguments, scaleDType: .float16
      ).finished()
    }
    expectInputError(.malformed, mentioning: ["empty"]) {
      try IntegerWeightQuantizer(
        weight: Tensor(zeros: [0, 4], dtype: .float32), arguments: arguments, scaleDType: .float16)
    }
  }

  @Test func refusesOtherArguments() {
    let weight = Tensor([1, 2], shape: [1, 2])
    for arguments in [
      QuantizationArguments(bitCount: 4, strategy: .tensorGroup, groupSize: 2),
      QuantizationArguments(bitCount: 4, strategy: .block, blockStructure: [1, 2]),
      QuantizationArguments(bitCount: 8, strategy: .token, dynamic: .all),
      QuantizationArguments(bitCount: 4, strategy: .channel, activationOrder: .group),
    ] {
      expectInputError(.unsupported) {
        try arguments.makeWeightQuantizer(for: weight, scaleDType: .float32)
      }
    }
  }

  @Test func everyWeightTypeGivesTheSame() throws {
    let narrow = Tensor((0..<64).map { Float($0 % 13) - 6 }, shape: [2, 32])
    let arguments = QuantizationArguments(bitCount: 3, strategy: .group, groupSize: 16)
    let results = try [DType.float32, .float16, .bfloat16, .float64].map { dtype in
      let weight =
        dtype == .float64
        ? Tensor(narrow.floats().map { Double($0) }, shape: [2, 32], dtype: .float64)
        : narrow.converted(to: dtype)
      return try arguments.makeWeightQuantizer(for: weight, scaleDType: .bfloat16).finished()
    }
    #expect(results.everySatisfies { $0 == results[0] })
  }
}
