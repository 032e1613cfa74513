import Compute
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
      for (isSearched, unit) in [(false, nil), (true, nil), (false, 0x1p-6), (true, 0x1p-6)]
        as [(Bool, Float?)]
      {
        var generator = SeededGenerator(seed: UInt64(kind))
        let quantizer = try Self.kinds[kind].makeWeightQuantizer(
          for: generator.tensor([13, 100]).converted(to: dtype), scaleDType: .bfloat16)
        if isSearched { quantizer.searchScales(importance: nil) }
        quantizer.makeOffsets(unit: unit)
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

  /// Parts that are written by themselves are those of the whole, from offsets and from what was kept, whatever groups
  /// they cut.
  @Test(arguments: kinds.indices, [DType.bfloat16, .float32])
  func partsAreThoseOfTheWhole(kind: Int, dtype: DType) throws {
    try forEachInstructionSet { name in
      var generator = SeededGenerator(seed: UInt64(kind))
      let quantizer = try Self.kinds[kind].makeWeightQuantizer(
        for: generator.tensor([13, 100]).converted(to: dtype), scaleDType: .bfloat16)
      quantizer.makeOffsets(unit: kind.isMultiple(of: 2) ? 0x1p-6 : nil)
      let gradient = generator.normal(1300)
      quantizer.step(gradient: gradient, learningRate: 0.25, rangeLearningRate: 0.125)
      func check(_ source: any MatrixSource, _ whole: Tensor, _ what: String) {
        for (rows, columns) in [
          (0..<13, 0..<100), (2..<7, 17..<64), (12..<13, 99..<100), (0..<3, 32..<96),
        ] {
          let (stride, size) = (columns.count + 3, dtype.byteCount)
          var part = [UInt8](repeating: 7, count: rows.count * stride * size)
          part.withUnsafeMutableBytes {
            source.write(
              rows: rows, columns: columns, into: $0.baseAddress!, dtype: dtype, rowStride: stride)
          }
          whole.withUnsafeBytes { whole in
            for row in rows {
              let place = (row - rows.lowerBound) * stride * size
              let end = place + columns.count * size
              let expected = whole[
                (row * 100 + columns.lowerBound) * size..<(row * 100 + columns.upperBound) * size]
              #expect(part[place..<end].elementsEqual(expected), "\(what), row \(row), \(name)")
              let between = part[end..<place + stride * size]
              #expect(between.everySatisfies { $0 == 7 }, "\(what), \(name)")
            }
          }
        }
      }
      let whole = quantizer.quantized(to: dtype)
      check(quantizer.source(), whole, "offsets")
      quantizer.keepBest()
      quantizer.restoreBest()
      check(quantizer.source(), whole, "what was kept")
      let finished = try quantizer.finished()
      check(finished, finished.dequantized(to: dtype), "the finished weight")
    }
  }

  /// Without offsets, a quantizer takes three bytes less for each weight, or five where they are f32, and the range scales
  /// that are kept.
  @Test(arguments: kinds.indices) func takeThreeBytesLess(kind: Int) throws {
    func byteCount(_ dtype: DType, _ offsets: OffsetType?) throws -> Int {
      try Self.kinds[kind].quantizerByteCount(
        rows: 64, columns: 256, dtype: dtype, offsets: offsets)
    }
    let rounded = try byteCount(.bfloat16, nil)
    let ranges = try byteCount(.bfloat16, .counted) - rounded - 3 * 64 * 256
    #expect(ranges > 0 && ranges <= 2 * 4 * 64 * 16)
    #expect(try byteCount(.bfloat16, .float32) - rounded - 5 * 64 * 256 == ranges)
    let converted = try byteCount(.float16, nil) - byteCount(.bfloat16, nil)
    #expect(converted == 4 * 64 * 256)
  }
}
