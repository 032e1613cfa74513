import Checkpoints
import Diagnostics
import GPTQ
import JSONText
import LayoutSupport
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// The layouts of GPTQ, AWQ and auto_round: where each number stands, round trips, hostile tensors.
@Suite struct ColumnLayoutTests {
  /// A packing, as configurations name it, with what is taken away from zero points.
  struct Layout: CustomTestStringConvertible {
    let configuration: JSONValue
    let offset: Int
    let bitCounts: [Int]
    var isInterleaved = false
    var hasGroups = false
    var testDescription: String { configuration.text() }
  }

  static let layouts = [
    Layout(
      configuration: ["quant_method": "gptq", "bits": 4], offset: 1, bitCounts: [2, 3, 4, 8],
      hasGroups: true),
    Layout(
      configuration: ["quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq_v2"], offset: 0,
      bitCounts: [2, 3, 4, 8], hasGroups: true),
    Layout(
      configuration: ["quant_method": "auto-round", "bits": 4, "packing_format": "auto_round"],
      offset: 0, bitCounts: [2, 3, 4, 8]),
    Layout(
      configuration: [
        "quant_method": "auto-round", "bits": 4, "packing_format": "auto_round:auto_gptq",
      ], offset: 1, bitCounts: [2, 3, 4, 8]),
    Layout(
      configuration: ["quant_method": "awq", "bits": 4, "version": "gemm"], offset: 0,
      bitCounts: [4], isInterleaved: true),
  ]

  private func encoding(_ layout: Layout) throws -> LayerEncoding {
    try #require(try GPTQ(JSONReader(layout.configuration)))
      .encoding(of: QuantizationScheme(targets: ["Linear"], weights: nil))
  }

  /// Any weight that the layout holds.
  private func weight(
    _ layout: Layout, _ arguments: QuantizationArguments, _ rows: Int, _ columns: Int
  ) throws -> QuantizedWeight {
    var generator = SeededGenerator(seed: UInt64(rows * 1000 + columns))
    return try generator.quantizedWeight(
      rows, columns, arguments, scaleDType: .float16, leastZeroPoint: layout.offset)
  }

  @Test(arguments: layouts) func everyNumberStandsWhereLoadersLookForIt(layout: Layout) throws {
    let encoding = try encoding(layout)
    // The order of AWQ's kernels, as shifts of the eight outputs of a word.
    let shifts = [0, 16, 4, 20, 8, 24, 12, 28]
    for bitCount in layout.bitCounts {
      let mask = UInt32(1 << bitCount - 1)
      for (groupSize, isSymmetric) in [(32, false), (64, true), (nil, false)] as [(Int?, Bool)] {
        let arguments = QuantizationArguments(
          bitCount: bitCount, isSymmetric: isSymmetric,
          strategy: groupSize == nil ? .channel : .group, groupSize: groupSize)
        let (rows, columns) = (24, 192)
        let weight = try weight(layout, arguments, rows, columns)
        let tensors = Dictionary(
          uniqueKeysWithValues: encoding.tensors(for: weight, name: "a").map {
            ($0.name, $0.tensor)
          })
        func words(_ name: String) throws -> (width: Int, words: [UInt32]) {
          let tensor = try #require(tensors["a.\(name)"])
          return (tensor.shape[1], tensor.elements(as: Int32.self).map { UInt32(bitPattern: $0) })
        }
        /// Number `index` of a dense stream, whose words are `stride` apart from `first` on.
        func number(_ words: [UInt32], _ first: Int, _ stride: Int, _ index: Int) -> UInt32 {
          (0..<bitCount).reduce(UInt32(0)) { sum, bit in
            let place = index * bitCount + bit
            return sum | (words[first + place / 32 * stride] >> (place % 32) & 1) << bit
          }
        }
        let (width, codes) = try words("qweight")
        let (zeroWidth, zeros) = try words("qzeros")
        let scales = try #require(tensors["a.scales"]).floats()
        let stored = weight.codes.elements(as: UInt8.self)
        let groups = weight.grouping.groups
        var (wrong, compared) = (0, 0)
        for row in 0..<rows {
          for column in 0..<columns {
            let code =
              layout.isInterleaved
              ? codes[column * width + row / 8] >> shifts[row % 8] & mask
              : number(codes, row, width, column)
            wrong += code == UInt32(stored[row * columns + column]) ? 0 : 1
            compared += 1
          }
          for group in 0..<groups {
            let zero =
              layout.isInterleaved
              ? zeros[group * zeroWidth + row / 8] >> shifts[row % 8] & mask
              : number(zeros, group * zeroWidth, 1, row)
            let expected =
              weight.zeroPoints.map { Int($0[row * groups + group]) } ?? 1 << (bitCount - 1)
            wrong += Int(zero) == expected - layout.offset ? 0 : 1
            wrong += scales[group * rows + row] == weight.scales[row * groups + group] ? 0 : 1
            compared += 2
          }
        }
        #expect(wrong == 0 && compared == rows * (columns + 2 * groups))
        #expect((tensors["a.g_idx"] != nil) == layout.hasGroups)
      }
    }
  }

  @Test(arguments: layouts) func roundTrips(layout: Layout) throws {
    let encoding = try encoding(layout)
    for bitCount in layout.bitCounts {
      for (rows, columns) in [(8, 32), (40, 96), (16, 160), (64, 224)] {
        for groupSize in [32, 64, 128, nil] {
          for isSymmetric in [true, false] {
            let arguments = QuantizationArguments(
              bitCount: bitCount, isSymmetric: isSymmetric,
              strategy: groupSize == nil ? .channel : .group, groupSize: groupSize)
            try expectRoundTrip(
              weight(layout, arguments, rows, columns), encoding, scaleDType: .float16)
          }
        }
      }
    }
  }

  @Test(arguments: layouts) func hostileTensorsAreRefused(layout: Layout) throws {
    let encoding = try encoding(layout)
    let arguments = QuantizationArguments(
      bitCount: 4, isSymmetric: false, strategy: .group, groupSize: 32)
    let sound = Dictionary(
      uniqueKeysWithValues: encoding.tensors(
        for: try weight(layout, arguments, 16, 64), name: "a"
      ).map { ($0.name, $0.tensor) })
    func expectRefusal(_ part: String, _ tensor: Tensor?, _ code: InputError.Code) {
      var damaged = sound
      damaged["a.\(part)"] = tensor
      let error = #expect(throws: InputError.self) {
        try encoding.weight(named: "a", arguments: arguments) { damaged[$0] }
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
    let scales = try #require(sound["a.scales"])
    var numbers = scales.floats()
    numbers[3] = .infinity
    expectRefusal(
      "scales", Tensor(numbers, shape: scales.shape).converted(to: .float16), .notFinite)
    if layout.offset == 1 {
      let zeros = try #require(sound["a.qzeros"])
      let all = [Int32](repeating: -1, count: zeros.count)
      expectRefusal("qzeros", Tensor(all, shape: zeros.shape, dtype: .int32), .malformed)
    }
    if layout.hasGroups {
      let turned = (0..<64).map { Int32((63 - $0) / 32) }
      expectRefusal("g_idx", Tensor(turned, shape: [64], dtype: .int32), .unsupported)
    }
  }

  @Test func zeroPointsOfSymmetricWeightsAreTheMiddle() throws {
    let encoding = try encoding(Self.layouts[0])
    let open = QuantizationArguments(
      bitCount: 4, isSymmetric: false, strategy: .group, groupSize: 32)
    let tensors = Dictionary(
      uniqueKeysWithValues: encoding.tensors(
        for: try weight(Self.layouts[0], open, 16, 64), name: "a"
      ).map { ($0.name, $0.tensor) })
    var symmetric = open
    symmetric.isSymmetric = true
    let error = #expect(throws: InputError.self) {
      try encoding.weight(named: "a", arguments: symmetric) { tensors[$0] }
    }
    #expect(error?.place == "a.qzeros")
  }
}
