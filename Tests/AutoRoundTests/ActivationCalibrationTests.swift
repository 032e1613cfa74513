import AutoRound
import Compute
import Diagnostics
import LanguageModels
import Quantization
import Recordings
import Tensors
import TestSupport
import Testing
import Tuning

/// The scales of activations that calibration finds, and what tuning makes of them.
@Suite(.oneAtATime) struct ActivationCalibrationTests {
  static let fp8 = QuantizationArguments(bitCount: 8, type: .float, strategy: .tensor)
  static let int8 = QuantizationArguments(bitCount: 8, strategy: .tensor)

  /// The scales of keys and values, by name, from batches of a size.
  private func keyValueScales(
    batch: Int, observer: String? = nil, spoil: ((ActivationCache) -> Void)? = nil
  ) throws -> [String: Float] {
    let fixture = try TuningFixture("w4_g32_sym")
    let block = try fixture.program(batch: batch, keyValues: Self.fp8)
    let inputs = try fixture.cache("input_fp")
    spoil?(inputs)
    block.program.activations = .observed
    block.forEachBatch(of: inputs) { _, _ in }
    var scheme = Self.fp8
    scheme.observer = observer
    let scales = try block.calibrateKeysAndValues(scheme, dtype: .float32)
    return Dictionary(uniqueKeysWithValues: scales.map { ($0.name, $0.value) })
  }

  /// The average goes over samples, however many are run at once; 16 samples are no whole number of
  /// batches of 3 or 7.
  @Test(arguments: [nil, "static_minmax"])
  func keysAndValuesDoNotDependOnBatches(observer: String?) throws {
    let alone = try keyValueScales(batch: 1, observer: observer)
    #expect(alone.keys.sorted() == ["self_attn.k_scale", "self_attn.v_scale"])
    for batch in [3, 7, 16] {
      let together = try keyValueScales(batch: batch, observer: observer)
      for (name, scale) in alone {
        expectClose([together[name] ?? 0], [scale], Tolerance(relative: 1e-5), "\(name), \(batch)")
      }
    }
  }

  @Test(arguments: [0, 9, 15]) func aSampleThatIsNoNumberIsRefused(sample: Int) {
    expectInputError(.notFinite, mentioning: ["self_attn", "infinite or NaN"]) {
      try keyValueScales(batch: 7) { inputs in
        inputs[sample].float = .nan
      }
    }
  }

  /// The largest magnitude of what each layer reads, over the greatest number.
  @Test(arguments: [1, 7]) func inputsAreCalibratedByTheLargestMagnitude(batch: Int) throws {
    let fixture = try TuningFixture("w4_g32_sym")
    func scales(_ arguments: QuantizationArguments) throws -> [String: Float] {
      let block = try fixture.program(batch: batch, inputs: arguments)
      let scales = try block.calibrateInputs(on: fixture.cache("input_q"), dtype: .float32)
      return Dictionary(uniqueKeysWithValues: scales.map { ($0.name, $0.value) })
    }
    let (floats, integers) = (try scales(Self.fp8), try scales(Self.int8))
    // Layers that read the same share a scale.
    #expect(
      floats.keys.sorted() == [
        "mlp.down_proj.input_scale", "mlp.gate_proj.input_scale", "self_attn.o_proj.input_scale",
        "self_attn.q_proj.input_scale",
      ])
    for (name, scale) in floats {
      expectClose([integers[name] ?? 0], [scale * 448 / 127.5], Tolerance(relative: 1e-6), name)
    }
  }

  /// Steps go against the sign of the gradient, between nothing and the whole range; the best is kept.
  @Test(arguments: [fp8, int8]) func scalesAreSteppedKeptAndRestored(
    arguments: QuantizationArguments
  ) throws {
    let fixture = try TuningFixture("w4_g32_sym")
    let block = try fixture.program(batch: 4, inputs: arguments)
    let scale = try #require(
      try block.calibrateInputs(on: fixture.cache("input_q"), dtype: .float32).first)
    let whole = scale.value
    func step(_ gradient: Float, momentum: Float = 0) -> Float {
      scale.add(gradient: gradient)
      scale.step(rate: 0.1, momentum: momentum)
      scale.apply()
      return scale.value / whole
    }
    #expect(step(-1) == 1)
    expectClose(
      [step(2), step(0), step(.nan), step(1)], [0.9, 0.9, 0.9, 0.8], Tolerance(relative: 1e-5))
    scale.keepBest()
    // With momentum the sign is that of 3, then of 0.5 * 3 - 1, then of 0.25 - 1.
    let moved = [step(3, momentum: 0.5), step(-1, momentum: 0.5), step(-1, momentum: 0.5)]
    expectClose(moved, [0.7, 0.6, 0.7], Tolerance(relative: 1e-5))
    scale.restoreBest()
    scale.apply()
    expectClose([scale.value / whole], [0.8], Tolerance(relative: 1e-5))
  }

  /// Tuning moves the scales together with the weights, and leaves those of the best iteration.
  @Test(arguments: [fp8, int8], [Float(0), 0.9])
  func tuningMovesTheScalesOfInputs(arguments: QuantizationArguments, momentum: Float) throws {
    let fixture = try TuningFixture("w4_g32_sym")
    let block = try fixture.program(batch: 4, inputs: arguments)
    let inputs = try fixture.cache("input_q")
    let targets = try fixture.targets(from: fixture.program(batch: 4))
    let scales = try block.calibrateInputs(on: inputs, dtype: .float32)
    block.program.activations = .quantized
    let before = scales.map(\.value)
    var settings = TuningSettings(iterations: 12, learningRate: .fixed(0.02), batchSize: 4)
    settings.momentum = momentum
    let layers = try fixture.layers(in: block)
    let tuner = BlockTuner(block: block, layers: layers, inputScales: scales, settings: settings)
    var during: [[Float]] = []
    let outcome = try tuner.tune(inputs: inputs, targets: targets) { _, _ in
      during.append(scales.map(\.value))
    }
    let after = scales.map(\.value)
    #expect(outcome.bestIteration > 0)
    // After a step, a scale is what the next iteration runs with.
    #expect(after == during[outcome.bestIteration - 1])
    for index in scales.indices {
      #expect(after[index] != before[index] && after[index] <= before[index])
      #expect(after[index] > 0.7 * before[index])
      let part = try #require(
        block.program.parameterParts.first { $0.parameter == scales[index].parameter })
      #expect(part.range.floats[0] == after[index])
    }
  }
}
