import Diagnostics
import Quantization
import Tensors
import TestSupport
import Testing
import WeightBlocks

/// Weights in blocks of GGUF whose scales are searched: where tuning starts, what a step does, and what comes out.
@Suite struct BlockQuantizerTests {
  static let types = BlockType.all.filter { QuantizationArguments($0).blocks != nil }

  private func weight(_ seed: UInt64, _ dtype: DType) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return generator.tensor([5, 512]).converted(to: dtype)
  }

  /// The rounding of the search, as a file has it, in numbers.
  private func rounded(
    _ weight: Tensor, _ type: BlockType, _ importance: [Float]?
  ) throws -> (codes: [UInt8], numbers: Tensor) {
    switch type {
    case .superBlocks(let type):
      let blocks = try KQuantizedWeight(weight, type: type, importance: importance)
      return (blocks.codes, blocks.dequantized(to: .float32))
    case .scaleBlocks(let type):
      let blocks = try ScaleBlockWeight(weight, type: type, importance: importance)
      return (blocks.codes, blocks.dequantized(to: .float32))
    }
  }

  private func difference(_ a: Tensor, _ b: Tensor) -> Float {
    zip(a.floats(), b.floats()).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }

  @Test func tableHasTypesWithoutScalesOfTheirOwn() {
    #expect(Self.types.count == 7)
    for type in [ScaleBlockType.q40, .q50, .q80] {
      #expect(
        QuantizationArguments(.scaleBlocks(type))
          == QuantizationArguments(bitCount: type.bitCount, strategy: .group, groupSize: 32))
    }
  }

  /// A rule of one's own has no scales to give to blocks, and those of integers that are tuned in f16 are stored in it.
  @Test func weightsOfOtherRules() throws {
    let weight = weight(9, .float32)
    func made(_ arguments: QuantizationArguments) throws -> QuantizedWeight {
      let grouping = try arguments.grouping(rows: 5, columns: 512)
      return try arguments.weight(
        grouping: grouping, codes: [UInt8](repeating: 1, count: 5 * 512),
        scales: [Float](repeating: 0.1, count: grouping.parameterCount), zeroPoints: nil,
        globalScale: nil, like: weight)
    }
    for type in Self.types where !type.isAsymmetric {
      expectInputError(.unsupported, mentioning: ["scales", type.name]) {
        try made(QuantizationArguments(type))
      }
    }
    var integers = QuantizationArguments(.scaleBlocks(.q40))
    #expect(try made(integers).scaleDType == .float32)
    integers.tunedScaleDType = .float16
    let found = try made(integers)
    #expect(found.scaleDType == .float16)
    #expect(found.scales == [Float](repeating: Float(Float16(0.1)), count: 5 * 16))
  }

  /// Before anything is tuned, codes and numbers are those of the search, with importances and without.
  @Test(arguments: types.indices, [DType.bfloat16, .float32])
  func startsAtTheSearch(index: Int, dtype: DType) throws {
    let type = Self.types[index]
    let weight = weight(7, dtype)
    let importance = (0..<512).map { Float($0 % 5 + 1) }
    try forEachInstructionSet { name in
      for isTuned in [true, false] {
        let quantizer = try QuantizationArguments(type).makeWeightQuantizer(
          for: weight, scaleDType: .bfloat16, isTuned: isTuned)
        for importance in [nil, importance] {
          quantizer.searchScales(importance: importance)
          let expected = try rounded(weight, type, importance)
          // Of types with a scale for each block, rounding without importances knows the scale in f32.
          let isNearest = importance != nil || type.size == 256
          let finished = try quantizer.finished()
          #expect(finished.scaleDType == .float32)
          let numbers = finished.dequantized(to: .float32)
          if isNearest {
            #expect(finished.codes.elements(as: UInt8.self) == expected.codes, "\(name)")
            #expect(numbers == expected.numbers, "\(name)")
          }
          let (own, plain) = (difference(numbers, weight), difference(expected.numbers, weight))
          #expect(own <= 1.001 * plain, "\(name)")
          #expect(quantizer.quantized(to: .float32) == numbers, "\(name)")
        }
      }
    }
  }

  /// Offsets move against the sign of the gradient times the scale where a code is not at the end of the grid, and codes follow
  /// them.
  @Test(arguments: types.indices, [nil, 0x1p-6] as [Float?])
  func stepsMoveCodes(index: Int, unit: Float?) throws {
    let type = Self.types[index]
    let weight = weight(11, .float32)
    var generator = SeededGenerator(seed: 3)
    let gradient = generator.uniform(weight.count)
    try forEachInstructionSet { name in
      let quantizer = try QuantizationArguments(type).makeWeightQuantizer(
        for: weight, scaleDType: .bfloat16)
      let before = try quantizer.finished()
      let codes = before.codes.elements(as: UInt8.self)
      quantizer.makeOffsets(unit: unit)
      quantizer.keepBest()
      quantizer.step(gradient: gradient, learningRate: 0.5, rangeLearningRate: 0.5)
      let after = try quantizer.finished()
      #expect(after.scales == before.scales && after.biases == before.biases)
      #expect(after.superBlocks == before.superBlocks)
      #expect((after.superBlocks == nil) == (type.size == 32))
      let w = weight.floats()
      let moved = after.codes.elements(as: UInt8.self)
      var changed = 0
      for element in w.indices {
        let group = element / type.groupSize
        let scale = before.scales[group]
        let bias = before.biases?[group] ?? 0
        let x = scale == 0 ? 0 : (w[element] - bias) * (1 / scale)
        let least = Float(-type.zeroPoint)
        let greatest = least + Float((1 << type.bitCount) - 1)
        let nearest = x.rounded(.toNearestOrEven)
        var v: Float = 0
        if nearest >= least, nearest <= greatest, scale != 0 {
          v = gradient[element] * scale > 0 ? -0.5 : 0.5
        }
        let q = min(max((x + v).rounded(.toNearestOrEven), least), greatest)
        let expected = UInt8(q - least)
        if moved[element] != expected {
          Issue.record("\(name) element \(element): \(moved[element]) is not \(expected)")
          break
        }
        if expected != codes[element] { changed += 1 }
      }
      #expect(changed > weight.count / 8)
      // What was kept before the step comes back.
      quantizer.restoreBest()
      #expect(try quantizer.finished() == before, "\(name)")
      #expect(
        quantizer.quantized(to: .float32) == before.dequantized(to: .float32), "\(name)")
    }
  }

  @Test func namesAreTheTypesOfFiles() throws {
    let scheme = try QuantizationScheme.preset(named: "gguf:q4_k_m")
    #expect(scheme.weights?.blocks == .superBlocks(.q4K))
    #expect(scheme.weights?.text == "q4_k blocks")
    #expect(scheme.weights?.groupSize == 32)
    #expect(
      try QuantizationScheme.preset(named: "GGUF:Q8_0").weights?.text
        == "8-bit int symmetric, groups of 32")
    expectInputError(.invalidValue, mentioning: ["GGUF:Q4_X", "Q4_K_M"]) {
      _ = try QuantizationScheme.preset(named: "gguf:q4_x")
    }
  }

  @Test func refusesRowsThatAreNotWholeBlocks() throws {
    var generator = SeededGenerator(seed: 1)
    let weight = generator.tensor([3, 288])
    expectInputError(.unsupported, mentioning: ["288", "q4_k", "256"]) {
      _ = try QuantizationArguments(.superBlocks(.q4K)).makeWeightQuantizer(
        for: weight, scaleDType: .bfloat16)
    }
  }
}
