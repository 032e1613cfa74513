import CKernels
import Diagnostics
import Quantization
import Tensors
import TestSupport
import Testing

/// Weights at the edges of what floats can hold: each gives a defined, finite result.
@Suite struct FloatEdgeTests {
  static let kinds: [QuantizationArguments] = [
    QuantizationArguments(bitCount: 8, type: .float, strategy: .tensor),
    QuantizationArguments(bitCount: 8, type: .float, strategy: .channel),
    QuantizationArguments(bitCount: 8, type: .float, strategy: .block, blockStructure: [4, 64]),
    QuantizationArguments(bitCount: 8, type: .float, strategy: .group, groupSize: 32),
    QuantizationArguments(
      bitCount: 8, type: .float, strategy: .group, groupSize: 32, scaleDType: .uint8),
    QuantizationArguments(
      bitCount: 4, type: .float, strategy: .group, groupSize: 32, scaleDType: .uint8),
    QuantizationArguments(
      bitCount: 4, type: .float, strategy: .tensorGroup, groupSize: 16, scaleDType: .float8E4M3),
  ]

  static let weights: [(name: String, elements: [Float])] = [
    ("zeros", Array(repeating: 0, count: 600)),
    ("equal", Array(repeating: -0.25, count: 600)),
    ("outlier", (0..<600).map { $0 == 77 ? 1000 : Float($0 % 13 - 6) * 1e-3 }),
    ("denormals", (0..<600).map { Float($0 % 5 - 2) * 714 * .leastNonzeroMagnitude }),
    ("largest of f16", (0..<600).map { $0 % 2 == 0 ? 65504 : -65504 }),
    ("largest of f32", (0..<600).map { $0 % 2 == 0 ? 3.4e38 : -1e30 }),
  ]

  /// A new quantizer, unless its scales are beyond the range of the type that they are stored in, which
  /// must then be an error at the end.
  private func quantizer(
    _ kind: Int, _ elements: [Float], _ scaleDType: DType
  ) throws -> FloatWeightQuantizer? {
    let quantizer = try FloatWeightQuantizer(
      weight: Tensor(elements, shape: [6, 100]), arguments: Self.kinds[kind],
      scaleDType: scaleDType)
    let largest = elements.map { abs($0) }.max() ?? 0
    guard scaleDType == .float16, quantizer.format == .fp8, largest / 448 > 65504 else {
      return quantizer
    }
    expectInputError(.notFinite, mentioning: ["f16"]) { try quantizer.finished() }
    return nil
  }

  /// Plain rounding gives the nearest number of the group's grid, and the greatest one beyond it.
  @Test(arguments: kinds.indices, [DType.bfloat16, .float16, .float32])
  func roundsToTheNearest(kind: Int, scaleDType: DType) throws {
    for (name, elements) in Self.weights {
      guard let quantizer = try quantizer(kind, elements, scaleDType) else { continue }
      let y = quantizer.quantized(to: .float32).floats()
      let finished = try quantizer.finished()
      let isByte = Self.kinds[kind].bitCount == 8
      let greatest: Float = isByte ? 448 : 6
      for index in elements.indices {
        let (row, group) = (index / 100, index % 100 / finished.grouping.groupSize)
        let stored = finished.scales[finished.grouping.parameter(row: row, group: group)]
        let scale = stored == 0 ? 0 : stored / (finished.globalScale ?? 1)
        let w = elements[index]
        guard scale > 0 else {
          #expect(y[index] == 0, "\(name)")
          continue
        }
        let x = abs(w / scale)
        if x > greatest {
          expectClose(
            [abs(y[index])], [greatest * scale], Tolerance(relative: 1e-6), name)
          #expect((y[index] < 0) == (w < 0), "\(name)")
        } else {
          let exponent = max(x > 0 ? Int(x.exponent) : -999, isByte ? -6 : 0)
          let step = Float(
            sign: .plus, exponent: exponent - (isByte ? 3 : 1), significand: scale)
          #expect(
            abs(y[index] - w) <= step / 2 + 1e-6 * abs(w), "\(name): \(w) becomes \(y[index])")
        }
      }
    }
  }

  @Test(arguments: kinds.indices, weights.indices)
  func staysFinite(kind: Int, weight: Int) throws {
    for scaleDType in [DType.bfloat16, .float16, .float32] {
      try staysFinite(kind, weight, scaleDType)
    }
  }

  private func staysFinite(_ kind: Int, _ weight: Int, _ scaleDType: DType) throws {
    let (name, elements) = Self.weights[weight]
    guard let quantizer = try quantizer(kind, elements, scaleDType) else { return }
    var generator = SeededGenerator(seed: 3)
    for turn in 0..<6 {
      if turn == 3 { quantizer.searchScales(importance: generator.uniform(100, in: 0...1)) }
      _ = quantizer.quantized(to: .float32)
      quantizer.step(gradient: generator.normal(600), learningRate: 0.1, rangeLearningRate: 0.1)
    }
    let weight = quantizer.quantized(to: .float32)
    #expect(weight.floats().everySatisfies { $0.isFinite }, "\(name)")
    #expect(quantizer.parameters.beta.everySatisfies { $0.isFinite }, "\(name)")
    let finished = try quantizer.finished()
    let again = finished.dequantized(to: .float32)
    #expect(again.floats().everySatisfies { $0.isFinite }, "\(name)")
    expectClose(again, weight, Tolerance(absolute: 1e-37, relative: 0x1p-21), name)
    if name == "zeros" { #expect(quantizer.parameters.beta.everySatisfies { $0 == 1 }) }
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
      QuantizationArguments(bitCount: 4, type: .float, strategy: .channel),
      QuantizationArguments(bitCount: 4, type: .float, strategy: .group, groupSize: 16),
      QuantizationArguments(bitCount: 8, type: .float, strategy: .token, dynamic: .all),
      QuantizationArguments(
        bitCount: 8, type: .float, strategy: .channel, scaleDType: .float8E4M3),
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
    let quantizer = try Self.kinds[6].makeWeightQuantizer(
      for: small, scaleDType: .bfloat16, globalScale: 896)
    let finished = try quantizer.finished()
    #expect(finished.globalScale == 896)
  }
}
