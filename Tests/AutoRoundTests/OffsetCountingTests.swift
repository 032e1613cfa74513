import Quantization
import Tensors
import TestSupport
import Testing
import Tuning

/// Rounding offsets as whole units in 16 bits.
@Suite struct OffsetCountingTests {
  /// A weight of which only the first element, the greatest, is ever clamped.
  private func quantizer() throws -> IntegerWeightQuantizer {
    let weight = [-1] + (1..<64).map { Float($0 % 7 - 3) / 16 }
    return try IntegerWeightQuantizer(
      weight: Tensor(weight, shape: [1, 64]),
      arguments: QuantizationArguments(bitCount: 4, strategy: .channel), scaleDType: .float32)
  }

  /// Offsets are the sums of the rates with which they were moved: to the last bits of f32 up to 255 steps, which are
  /// counted, and else as far as sums of rounded numbers go.
  @Test(arguments: [1, 3, 200, 255, 256, 1000, 5000], [Float(0), 0.0003])
  func sumsOfRatesAreKept(iterations: Int, rate: Float) throws {
    let initial = rate > 0 ? rate : 1 / Float(iterations)
    var schedule = LearningRateSchedule(initial: initial, iterations: iterations)
    let quantizer = try quantizer()
    #expect((schedule.unit != nil) == (iterations <= 255))
    quantizer.makeOffsets(unit: schedule.unit)
    var generator = SeededGenerator(seed: UInt64(iterations))
    var expected = [Double](repeating: 0, count: 64)
    for step in 0..<iterations {
      // The scale is positive: the largest weight is below zero. The second element always moves the same way.
      var gradient = generator.normal(64)
      gradient[1] = 1
      quantizer.step(gradient: gradient, learningRate: schedule.rate, rangeLearningRate: 0)
      let exact = Double(initial) * Double(iterations - step) / Double(iterations)
      for index in 1..<64 { expected[index] -= gradient[index] > 0 ? exact : -exact }
      schedule.advance()
    }
    let way = Double(initial) * Double(iterations + 1) / 2
    let allowed = (iterations <= 255 ? 1e-6 : 1e-4) * way
    let found = quantizer.parameters.values
    for index in 1..<64 {
      #expect(abs(Double(found[index]) - expected[index]) <= allowed, "element \(index)")
    }
    #expect(abs(Double(found[1]) + way) <= allowed)
  }

  /// A counted offset stays where its 16 bits end.
  @Test(arguments: [Float(0.4), 1e30, .infinity]) func stepsOfAnySizeAreCounted(rate: Float) throws
  {
    let quantizer = try quantizer()
    quantizer.makeOffsets(unit: 0x1p-17)
    for _ in 0..<2 {
      quantizer.step(
        gradient: [Float](repeating: 1, count: 64), learningRate: rate, rangeLearningRate: 0)
      #expect(quantizer.parameters.values[1...].everySatisfies { $0 == -32_767 * 0x1p-17 })
    }
  }

  /// Rates that have no normal unit are not counted.
  @Test(arguments: [Float(1e-44), 1e-38, .infinity]) func extremeRatesAreNotCounted(rate: Float) {
    #expect(LearningRateSchedule(initial: rate, iterations: 200).unit == nil)
  }
}
