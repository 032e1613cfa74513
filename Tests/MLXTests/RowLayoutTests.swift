import Checkpoints
import Diagnostics
import LayoutSupport
import MLX
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// The layout of MLX: where each number stands, round trips, biases in the place of zero points, hostile tensors.
@Suite struct RowLayoutTests {
  static let bitCounts = [2, 3, 4, 5, 6, 8]

  private func encoding() throws -> LayerEncoding {
    try MLX().encoding(of: QuantizationScheme(targets: ["Linear"], weights: nil))
  }

  private func arguments(
    _ bitCount: Int, _ groupSize: Int, isSymmetric: Bool = false
  ) -> QuantizationArguments {
    QuantizationArguments(
      bitCount: bitCount, isSymmetric: isSymmetric, strategy: .group, groupSize: groupSize)
  }

  private func weight(
    _ arguments: QuantizationArguments, _ rows: Int, _ columns: Int,
    scaleDType: DType = .bfloat16
  ) throws -> QuantizedWeight {
    var generator = SeededGenerator(seed: UInt64(rows * 1000 + columns + arguments.bitCount))
    return try generator.quantizedWeight(rows, columns, arguments, scaleDType: scaleDType)
  }

  private func tensors(_ weight: QuantizedWeight) throws -> [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: try encoding().tensors(for: weight, name: "a").map {
        ($0.name, $0.tensor)
      })
  }

  @Test(arguments: bitCounts) func everyNumberStandsWhereLoadersLookForIt(bitCount: Int) throws {
    for (groupSize, isSymmetric) in [(32, false), (64, true), (128, false)] {
      for dtype in [DType.bfloat16, .float16, .float32] {
        let (rows, columns) = (7, 384)
        let weight = try weight(
          arguments(bitCount, groupSize, isSymmetric: isSymmetric), rows, columns, scaleDType: dtype
        )
        let stored = try tensors(weight)
        #expect(Set(stored.keys) == ["a.weight", "a.scales", "a.biases"])
        let words = try #require(stored["a.weight"])
        #expect(words.dtype == .uint32 && words.shape == [rows, columns * bitCount / 32])
        let (scales, biases) = (
          try #require(stored["a.scales"]), try #require(stored["a.biases"])
        )
        let groups = columns / groupSize
        for tensor in [scales, biases] {
          #expect(tensor.dtype == dtype && tensor.shape == [rows, groups])
        }
        let patterns = words.elements(as: UInt32.self)
        let codes = weight.codes.elements(as: UInt8.self)
        var (wrong, compared) = (0, 0)
        for row in 0..<rows {
          for column in 0..<columns {
            let code = (0..<bitCount).reduce(UInt32(0)) { sum, bit in
              let place = column * bitCount + bit
              return sum | (patterns[row * words.shape[1] + place / 32] >> (place % 32) & 1) << bit
            }
            wrong += code == UInt32(codes[row * columns + column]) ? 0 : 1
            compared += 1
          }
        }
        let middle = Float(1 << (bitCount - 1))
        let (storedScales, storedBiases) = (scales.floats(), biases.floats())
        for group in 0..<rows * groups {
          let zero = weight.zeroPoints.map { Float($0[group]) } ?? middle
          let exact = Tensor([-(weight.scales[group] * zero)], shape: [1]).converted(to: dtype)
          wrong += storedScales[group] == weight.scales[group] ? 0 : 1
          wrong += storedBiases[group] == exact.floats()[0] ? 0 : 1
          compared += 2
        }
        #expect(wrong == 0 && compared == rows * (columns + 2 * groups))
      }
    }
  }

  @Test(arguments: bitCounts) func symmetricWeightsRoundTrip(bitCount: Int) throws {
    for (rows, columns) in [(1, 128), (40, 128), (13, 256), (3, 640)] {
      for groupSize in [32, 64, 128] {
        for dtype in [DType.bfloat16, .float16, .float32] {
          try expectRoundTrip(
            weight(
              arguments(bitCount, groupSize, isSymmetric: true), rows, columns, scaleDType: dtype),
            encoding(), scaleDType: dtype)
        }
      }
    }
  }

  /// Scales with few digits, so that the products with all zero points are exact.
  @Test(arguments: bitCounts) func everyZeroPointThatIsExactComesBack(bitCount: Int) throws {
    let bound = 1 << bitCount
    let arguments = arguments(bitCount, 32)
    let grouping = try arguments.grouping(rows: bound, columns: 64)
    for scales in [[Float(0.25), -3], [1, 0x1p-20]] {
      let weight = QuantizedWeight(
        arguments: arguments, grouping: grouping,
        codes: Tensor(
          (0..<bound * 64).map { UInt8(($0 / 64 + $0) % bound) }, shape: [bound, 64], dtype: .uint8),
        scales: (0..<2 * bound).map { scales[$0 % 2] },
        zeroPoints: (0..<2 * bound).map { UInt8($0 / 2) }, scaleDType: .bfloat16)
      // Three times an odd number has few digits as well, up to six bits.
      let isExact = bitCount <= 6 || scales[1] != -3
      if isExact {
        try expectRoundTrip(weight, encoding())
      } else {
        let stored = try tensors(weight)
        let back = try encoding().weight(named: "a", arguments: arguments) { stored[$0] }
        #expect(back.zeroPoints == nil && back.biases == weight.storedBiases)
      }
    }
  }

  /// What zero points do not give is kept as it is, and gives the numbers of MLX: products and sums in f32.
  @Test(arguments: bitCounts) func biasesStay(bitCount: Int) throws {
    for groupSize in [32, 64, 128] {
      let arguments = arguments(bitCount, groupSize)
      let (rows, columns) = (9, 256)
      let first = try weight(arguments, rows, columns)
      var generator = SeededGenerator(seed: 7)
      let weight = QuantizedWeight(
        arguments: arguments, grouping: first.grouping, codes: first.codes, scales: first.scales,
        biases: generator.tensor([first.scales.count], dtype: .bfloat16).floats(),
        scaleDType: .bfloat16)
      try expectRoundTrip(weight, encoding())
      let numbers = weight.dequantized(to: .float32).floats()
      let (codes, biases) = (weight.codes.elements(as: UInt8.self), try #require(weight.biases))
      var (wrong, compared) = (0, 0)
      for row in 0..<rows {
        for column in 0..<columns {
          let group = row * (columns / groupSize) + column / groupSize
          let product = weight.scales[group] * Float(codes[row * columns + column])
          wrong += numbers[row * columns + column] == product + biases[group] ? 0 : 1
          compared += 1
        }
      }
      #expect(wrong == 0 && compared == rows * columns)
    }
  }

  @Test func zeroPointsOfBiasesAreExactOrNone() {
    func points(_ bias: Float, _ scale: Float, _ bitCount: Int = 4) -> [UInt8]? {
      QuantizedWeight.zeroPoints(ofBiases: [bias], scales: [scale], bitCount: bitCount)
    }
    #expect(points(-8, 1) == [8])
    #expect(points(-0.0, 1) == [0])
    // Written again it would have a sign.
    #expect(points(0, 1) == nil)
    #expect(points(15, -1) == [15])
    #expect(points(-16, 1) == nil)
    #expect(points(1, 1) == nil)
    #expect(points(-7.5, 1) == nil)
    #expect(points(-0.0, 0) == [8])
    #expect(points(1, 0) == nil)
    #expect(points(-.greatestFiniteMagnitude, .leastNonzeroMagnitude) == nil)
    // The nearest number of f32 to a product that has more digits.
    #expect(points(-(0.1 * 255), 0.1, 8) == nil)
  }

  @Test func otherLayoutsRefuseBiases() throws {
    let arguments = arguments(4, 32)
    let plain = try weight(arguments, 4, 64)
    let weight = QuantizedWeight(
      arguments: arguments, grouping: plain.grouping, codes: plain.codes, scales: plain.scales,
      biases: plain.scales, scaleDType: .bfloat16)
    try encoding().requireHolds(weight, name: "a")
    let error = #expect(throws: InputError.self) {
      try LayerEncoding([]).requireHolds(weight, name: "a")
    }
    #expect(error?.code == .unsupported && error?.place == "a")
  }

  @Test func hostileTensorsAreRefused() throws {
    let (encoding, open) = (try encoding(), arguments(4, 32))
    let sound = try tensors(try weight(open, 16, 64))
    func expectRefusal(
      _ part: String, _ tensor: Tensor?, _ code: InputError.Code,
      _ arguments: QuantizationArguments? = nil
    ) {
      var damaged = sound
      if let tensor { damaged["a.\(part)"] = tensor } else { damaged["a.\(part)"] = nil }
      let error = #expect(throws: InputError.self) {
        try encoding.weight(named: "a", arguments: arguments ?? open) { damaged[$0] }
      }
      #expect(
        error?.code == code && error?.place == "a.\(part)", "\(part): \(String(describing: error))")
    }
    for (name, tensor) in sound {
      let part = String(name.dropFirst(2))
      expectRefusal(part, nil, .missing)
      expectRefusal(part, Tensor(zeros: tensor.shape + [1], dtype: tensor.dtype), .malformed)
      expectRefusal(part, Tensor(zeros: tensor.shape, dtype: .int64), .malformed)
    }
    for part in ["scales", "biases"] {
      let tensor = try #require(sound["a.\(part)"])
      var numbers = tensor.floats()
      numbers[3] = .infinity
      expectRefusal(part, Tensor(numbers, shape: tensor.shape).converted(to: .bfloat16), .notFinite)
    }
    let scales = try #require(sound["a.scales"])
    expectRefusal("scales", scales.converted(to: .float16), .unsupported)
    // Words that are no whole number of codes, and codes that are no whole number of groups.
    expectRefusal("weight", Tensor(zeros: [16, 8], dtype: .uint32), .malformed, arguments(3, 32))
    let odd = #expect(throws: InputError.self) {
      try encoding.plannedTensors(
        for: "a", rows: 4, columns: 96, arguments: arguments(4, 64), scaleDType: .bfloat16)
    }
    #expect(odd?.code == .unsupported)
    expectRefusal("scales", scales, .malformed, arguments(4, 32, isSymmetric: true))
  }
}
