import CKernels
import Diagnostics
import Quantization
import Tensors
import TestSupport
import Testing

/// Weights at the edges of what floats can hold: each gives a defined, finite result.
@Suite struct FloatEdgeTests {
  static let kinds: [QuantizationArguments] = [
    QuantizationArguments(numBits: 8, type: .float, strategy: .tensor),
    QuantizationArguments(numBits: 8, type: .float, strategy: .channel),
    QuantizationArguments(numBits: 8, type: .float, strategy: .block, blockStructure: [4, 64]),
    QuantizationArguments(
      numBits: 8, type: .float, strategy: .group, groupSize: 32, scaleDType: .uint8),
    QuantizationArguments(
      numBits: 4, type: .float, strategy: .group, groupSize: 32, scaleDType: .uint8),
    QuantizationArguments(
      numBits: 4, type: .float, strategy: .tensorGroup, groupSize: 16, scaleDType: .float8E4M3),
  ]

  static let weights: [(name: String, elements: [Float])] = [
    ("zeros", Array(repeating: 0, count: 600)),
    ("equal", Array(repeating: -0.25, count: 600)),
    ("outlier", (0..<600).map { $0 == 77 ? 1000 : Float($0 % 13 - 6) * 1e-3 }),
    ("denormals", (0..<600).map { Float($0 % 5 - 2) * 714 * .leastNonzeroMagnitude }),
    ("largest of f16", (0..<600).map { $0 % 2 == 0 ? 65504 : -65504 }),
    ("largest of f32", (0..<600).map { $0 % 2 == 0 ? 3.4e38 : -1e30 }),
  ]

  @Test(arguments: kinds.indices, weights.indices)
  func staysFinite(kind: Int, weight: Int) throws {
    let (name, elements) = Self.weights[weight]
    let quantizer = try FloatWeightQuantizer(
      weight: Tensor(elements, shape: [6, 100]), arguments: Self.kinds[kind], scaleDType: .bfloat16)
    var generator = SeededGenerator(seed: 3)
    for turn in 0..<6 {
      if turn == 3 { quantizer.searchScales(importance: generator.uniform(100, in: 0...1)) }
      _ = quantizer.quantized(to: .float32)
      quantizer.step(gradient: generator.normal(600), learningRate: 0.1, rangeLearningRate: 0.1)
    }
    let weight = quantizer.quantized(to: .float32)
    #expect(weight.floats().allSatisfy { $0.isFinite }, "\(name)")
    #expect(quantizer.parameters.beta.allSatisfy { $0.isFinite }, "\(name)")
    let finished = try quantizer.finished()
    let again = finished.dequantized(to: .float32)
    #expect(again.floats().allSatisfy { $0.isFinite }, "\(name)")
    expectClose(again, weight, Tolerance(absolute: 1e-37, relative: 0x1p-21), name)
    if name == "zeros" { #expect(quantizer.parameters.beta.allSatisfy { $0 == 1 }) }
  }

  @Test(arguments: kinds.indices) func refusesWhatIsNotFinite(kind: Int) {
    for bad: Float in [.nan, .infinity] {
      var elements = [Float](repeating: 1, count: 600)
      elements[333] = bad
      expectInputError(.notFinite) {
        try FloatWeightQuantizer(
          weight: Tensor(elements, shape: [6, 100]), arguments: Self.kinds[kind],
          scaleDType: .bfloat16)
      }
    }
  }

  @Test func refusesUnknownKinds() {
    let weight = Tensor(zeros: [2, 32], dtype: .float32)
    for arguments in [
      QuantizationArguments(numBits: 4, type: .float, strategy: .channel),
      QuantizationArguments(numBits: 4, type: .float, strategy: .group, groupSize: 16),
      QuantizationArguments(numBits: 8, type: .float, strategy: .token, dynamic: .all),
      QuantizationArguments(
        numBits: 8, type: .float, strategy: .channel, scaleDType: .float8E4M3),
    ] {
      expectInputError(.unsupported) {
        try arguments.makeWeightQuantizer(for: weight, scaleDType: .float32)
      }
    }
  }

  /// Every bit pattern is read as the number it means, and written back.
  @Test func everyNumberOfE4M3() {
    let codes = [UInt8](0...255)
    var numbers = [Float](repeating: 0, count: 256)
    ck_e4m3_to_f32(codes, &numbers, 256)
    for code in codes where code & 0x7F != 0x7F {
      let (exponent, mantissa) = (Int(code >> 3 & 15), Float(code & 7))
      let magnitude =
        exponent == 0
        ? mantissa / 512
        : (1 + mantissa / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
      #expect(numbers[Int(code)] == (code < 128 ? magnitude : -magnitude))
    }
    #expect(numbers[127].isNaN && numbers[255].isNaN)
    var written = [UInt8](repeating: 0, count: 256)
    ck_f32_to_e4m3(numbers, &written, 256)
    // The rounding makes one zero of both.
    for code in codes where code != 0x80 && code != 0xFF { #expect(written[Int(code)] == code) }
  }

  @Test func sharesGlobalScale() throws {
    let (small, large) = (Tensor([0.5, -0.25], shape: [1, 2]), Tensor([-3, 2], shape: [1, 2]))
    let (shared, own) = try (
      FloatWeightQuantizer.globalScale(of: [small, large]),
      FloatWeightQuantizer.globalScale(of: [small])
    )
    #expect(shared == 896)
    #expect(own == 5376)
    let quantizer = try Self.kinds[5].makeWeightQuantizer(
      for: small, scaleDType: .bfloat16, globalScale: 896)
    let finished = try quantizer.finished()
    #expect(finished.globalScale == 896)
  }
}
