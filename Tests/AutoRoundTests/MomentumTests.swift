import AutoRound
import Compute
import Diagnostics
import Quantization
import Tensors
import Testing
import Tuning

/// Steps by the sign of an average of gradients.
@Suite struct MomentumTests {
  /// The gradients that one layer is stepped with are the last ones plus what stays of those before.
  @Test func addsUpGradients() throws {
    let plain = try gradients(momentum: 0)
    let average = try gradients(momentum: 0.5)
    #expect(plain.count == 3 && average.count == 3)
    // Parameters do not move, so that the batches' own gradients are the same in both.
    var sum = [Float](repeating: 0, count: plain[0].count)
    for step in 0..<3 {
      for index in sum.indices { sum[index] = 0.5 * sum[index] + plain[step][index] }
      #expect(average[step] == sum, "step \(step)")
    }
    #expect(plain[0] != plain[1])
  }

  /// Ranges fall by a rate of their own where one is given.
  @Test func rangesHaveARate() throws {
    for (given, first) in [(nil, 0.25), (.fixed(0.5), 0.5)] as [(LearningRate?, Float)] {
      var settings = TuningSettings(iterations: 4, learningRate: .fixed(0.25), batchSize: 4)
      settings.rangeLearningRate = given
      let rates = try record(settings).rates
      #expect(rates.map(\.offsets) == [0.25, 0.1875, 0.125, 0.0625])
      #expect(rates.map(\.ranges) == [1, 0.75, 0.5, 0.25].map { $0 * first })
    }
  }

  private func gradients(momentum: Float) throws -> [[Float]] {
    var settings = TuningSettings(iterations: 3, learningRate: .fixed(1e-30), batchSize: 4)
    settings.momentum = momentum
    return try record(settings).gradients
  }

  private func record(_ settings: TuningSettings) throws -> Recorder {
    let fixture = try TuningFixture("w4_g32_sym")
    let block = try fixture.program(batch: 4)
    let targets = try fixture.targets(from: block)
    var layers = try fixture.layers(in: block)
    let recorder = Recorder(layers[0].quantizer)
    layers[0].quantizer = recorder
    _ = try BlockTuner(block: block, layers: layers, settings: settings).tune(
      inputs: fixture.cache("input_q"), targets: targets, batches: FixedBatches(fixture.batches)
    ) { _, _ in }
    return recorder
  }

  /// A quantizer that never moves.
  private final class Recorder: WeightQuantizer {
    private let base: any WeightQuantizer
    var gradients: [[Float]] = []
    var rates: [(offsets: Float, ranges: Float)] = []
    init(_ base: any WeightQuantizer) { self.base = base }
    var rows: Int { base.rows }
    var columns: Int { base.columns }
    func quantizeDequantize(into output: DeviceRange, dtype: DType, rowStride: Int) {
      base.quantizeDequantize(into: output, dtype: dtype, rowStride: rowStride)
    }
    func step(gradient: DeviceRange, learningRate: Float, rangeLearningRate: Float) {
      rates.append((learningRate, rangeLearningRate))
      gradients.append(Array(UnsafeBufferPointer(start: gradient.floats, count: rows * columns)))
    }
    func source() -> any MatrixSource { base.source() }
    func makeOffsets(unit: Float?) {}
    func keepBest() {}
    func restoreBest() {}
    func searchScales(importance: [Float]?) {}
    func finished() throws(InputError) -> QuantizedWeight { try base.finished() }
  }
}
