import Quantization
import Tensors
import TestSupport
import Testing

/// Roundings without offsets: of weights that are only rounded, and those that tuning has kept.
@Suite struct RoundedWeightTests {
  static let kinds =
    FloatEdgeTests.kinds + [
      QuantizationArguments(bitCount: 4, strategy: .group, groupSize: 32),
      QuantizationArguments(bitCount: 3, isSymmetric: false, strategy: .group, groupSize: 32),
      QuantizationArguments(bitCount: 8, strategy: .channel),
      QuantizationArguments(bitCount: 2, isSymmetric: false, strategy: .tensor),
    ]

  /// They come out as those of a quantizer whose offsets are zeros, plain and with searched scales.
  @Test(arguments: kinds.indices, [DType.bfloat16, .float32])
  func areThoseOfZeroOffsets(kind: Int, dtype: DType) throws {
    var generator = SeededGenerator(seed: UInt64(kind))
    let weight = generator.tensor([13, 100]).converted(to: dtype)
    let importance = (0..<100).map { Float($0 % 7) }
    try forEachInstructionSet { name in
      for isSearched in [false, true] {
        let quantizers = try [true, false].map {
          try Self.kinds[kind].makeWeightQuantizer(
            for: weight, scaleDType: .bfloat16, isTuned: $0)
        }
        if isSearched {
          for quantizer in quantizers { quantizer.searchScales(importance: importance) }
        }
        let written = quantizers.map { $0.quantized(to: dtype) }
        #expect(written[0] == written[1], "\(name)")
        #expect(try quantizers[0].finished() == quantizers[1].finished(), "\(name)")
      }
    }
  }

  /// What was kept of a rounding, codes and scales, gives what the offsets gave: the weight that is written and the one
  /// that is finished.
  @Test(arguments: kinds.indices, [DType.bfloat16, .float32])
  func thoseThatAreKeptAreTheSame(kind: Int, dtype: DType) throws {
    try forEachInstructionSet { name in
      for isSearched in [false, true] {
        var generator = SeededGenerator(seed: UInt64(kind))
        let quantizer = try Self.kinds[kind].makeWeightQuantizer(
          for: generator.tensor([13, 100]).converted(to: dtype), scaleDType: .bfloat16)
        if isSearched { quantizer.searchScales(importance: nil) }
        let start = try quantizer.finished()
        func step() {
          let gradient = generator.normal(1300)
          quantizer.step(gradient: gradient, learningRate: 0.25, rangeLearningRate: 0.125)
        }
        quantizer.keepBest()
        step()
        let written = quantizer.quantized(to: dtype)
        let finished = try quantizer.finished()
        quantizer.keepBest()
        step()
        step()
        #expect(quantizer.quantized(to: dtype) != written, "\(name)")
        quantizer.restoreBest()
        #expect(quantizer.quantized(to: dtype) == written, "\(name)")
        #expect(try quantizer.finished() == finished, "\(name)")
        #expect(finished != start, "\(name)")
      }
    }
  }

  /// Without offsets, a quantizer takes five bytes less for each weight but those of one row.
  @Test(arguments: kinds.indices) func takeFiveBytesLess(kind: Int) throws {
    func byteCount(_ dtype: DType, isTuned: Bool) throws -> Int {
      try Self.kinds[kind].quantizerByteCount(
        rows: 64, columns: 256, dtype: dtype, isTuned: isTuned)
    }
    let saved = try byteCount(.bfloat16, isTuned: true) - byteCount(.bfloat16, isTuned: false)
    #expect(saved >= 5 * 64 * 256 - 4 * 256)
    let converted = try byteCount(.float16, isTuned: false) - byteCount(.bfloat16, isTuned: false)
    #expect(converted == 4 * 64 * 256)
  }
}
