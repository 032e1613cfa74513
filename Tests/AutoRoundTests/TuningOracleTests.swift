import AutoRound
import CKernels
import CPU
import Checkpoints
import Compute
import Diagnostics
import LanguageModels
import Quantization
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing
import Tuning

/// Tuning one block against the reference's own trajectories. Signed gradient descent is chaotic: the first
/// losses and gradients agree closely, later ones statistically (Tests/Fixtures/README.md).
@Suite struct TuningOracleTests {
  static let complete = ["w4_g32_sym", "w2_g32_asym"]
  static let exactScales = ["w4_g32_sym_s32", "w2_g32_asym_s32"]

  @Test func fullPrecisionOutputsMeetTheReference() throws {
    let fixture = try TuningFixture("w4_g32_sym")
    let targets = try fixture.targets(from: fixture.program(batch: 4))
    let expected = try fixture.block.tensor("ref_output_first4")
    let ours = UnsafeBufferPointer(
      start: targets[0].pointer.assumingMemoryBound(to: Float.self), count: expected.count)
    expectClose(Array(ours), expected.floats(), Tolerance(absolute: 1e-5))
  }

  @Test(arguments: complete, [CK_ISA_PORTABLE, CK_ISA_AVX2, CK_ISA_AVX512])
  func firstGradientsAndStepMeetTheReference(variant: String, isa: ck_isa) throws {
    ck_isa_use(isa)
    defer { ck_isa_use(ck_isa_available()) }
    let fixture = try TuningFixture(variant)
    let block = try fixture.program(batch: 4)
    let layers = try fixture.layers(in: block)
    let targets = try fixture.targets(from: block)
    let recorded = layers.map { layer in
      TunedLayer(
        name: layer.name, bitCount: layer.bitCount, part: layer.part,
        quantizer: RecordingQuantizer(layer.quantizer as! IntegerWeightQuantizer))
    }
    let settings = TuningSettings(
      iterations: 1, learningRate: .fixed(try fixture.doubles("lr")[0]), batchSize: 4)
    let outcome = try BlockTuner(block: block, layers: recorded, settings: settings).tune(
      inputs: fixture.cache("input_q"), targets: targets,
      batches: FixedBatches(fixture.batches)
    ) { _, _ in }
    expectClose(outcome.losses[0], try fixture.doubles("loss")[0], Tolerance(relative: 1e-5))

    var compared = 0
    for layer in recorded {
      let recording = layer.quantizer as! RecordingQuantizer
      let (values, alpha, beta) = try #require(recording.gradients)
      let after = recording.stepped
      for (ours, name) in [(alpha, "min_scale"), (beta, "max_scale")] {
        let expected = try fixture.run.tensor("grad0.\(layer.name).\(name)").floats()
        // The reference rounds each sum to f16: where a sum lies at the border between two of them, another
        // order of adding gives the neighbour, a thousandth away. So nearly all must be close, and all near.
        let largest = expected.map { abs($0) }.max() ?? 0
        let close = zip(ours, expected).count { abs($0 - $1) <= 1e-4 * largest }
        #expect(Double(close) >= 0.98 * Double(expected.count), "\(layer.name) \(name)")
        expectClose(ours, expected, Tolerance(ofLargest: 1e-2), "\(layer.name) \(name)")
        expectSigns(ours, expected, agree: 0.999)
      }
      for (ours, name) in [(after.alpha, "min_scale"), (after.beta, "max_scale")] {
        let expected = try fixture.run.tensor("after1.\(layer.name).\(name)").floats()
        expectEqual(ours, expected, agree: 0.99)
      }
      // The reference has kept them of some layers, of large ones some rows.
      if let expected = try fixture.recorded("grad0.\(layer.name).value") {
        expectClose(values, expected.floats(), Tolerance(ofLargest: 1e-4), "\(layer.name) value")
        compared += 1
      }
      if let expected = try fixture.recorded("grad0.\(layer.name).value_rows0_16") {
        compared += 1
        let rows = Array(values[..<expected.count])
        expectClose(rows, expected.floats(), Tolerance(ofLargest: 1e-4), "\(layer.name) value")
        expectSigns(rows, expected.floats(), agree: 0.999)
      }
      if let expected = try fixture.recorded("after1.\(layer.name).value_sign") {
        let signs = expected.elements(as: Int8.self).map { Float($0) }
        expectSigns(after.values, signs, agree: 0.999)
        compared += 1
      }
    }
    #expect(compared > 0)
  }

  /// From searched scales and without outliers in the loss: what the reference calls `enable_alg_ext`.
  @Test func searchedScalesAndSuppressedOutliersMeetTheReference() throws {
    let fixture = try TuningFixture("w2_g32_sym_algext")
    let block = try fixture.program(batch: 4)
    block.program.inputSquares = [:]
    let targets = try fixture.targets(from: block)
    let squares = try #require(block.program.inputSquares)
    block.program.inputSquares = nil
    let layers = try fixture.layers(in: block)
    for layer in layers {
      let quantizer = try #require(layer.quantizer as? IntegerWeightQuantizer)
      // The reference searches in f32 and rounds what it has found.
      let search = try IntegerWeightQuantizer(
        weight: fixture.block.tensor("weight.\(layer.name).weight"),
        arguments: quantizer.arguments, scaleDType: .float32)
      search.searchScales(importance: squares[layer.part.parameter])
      quantizer.start(from: try search.finished().scales)
      let (alpha, beta) = try fixture.bestRanges(of: layer)
      quantizer.setParameters(values: nil, alpha: alpha, beta: beta)
      let best = try fixture.run.tensor("best.\(layer.name).scale").floats()
      let agreeing = zip(try quantizer.finished().scales, best).count { $0 == $1 }
      // Sums of squares in another order can make a neighbouring candidate the best of the search.
      #expect(500 * agreeing >= 499 * best.count, "\(layer.name): \(agreeing) of \(best.count)")
      let start = [Float](repeating: 1, count: beta.count)
      quantizer.setParameters(values: nil, alpha: start, beta: start)
    }
    let expected = try fixture.doubles("loss")
    var settings = TuningSettings(
      iterations: expected.count, learningRate: .fixed(try fixture.doubles("lr")[0]), batchSize: 4)
    settings.suppressesOutliers = true
    let outcome = try BlockTuner(block: block, layers: layers, settings: settings).tune(
      inputs: fixture.cache("input_q"), targets: targets, batches: FixedBatches(fixture.batches)
    ) { _, _ in }
    expectClose(outcome.losses[0], expected[0], Tolerance(relative: 1e-5))
    expectClose(outcome.losses, expected, Tolerance(relative: 0.1))
    expectClose(outcome.bestLoss, expected.min() ?? 0, Tolerance(relative: 0.05))
    try expectBest(of: fixture, layers, outcome, agree: 0.97)
  }

  /// Independent of the chaos: the range scales that the reference found best give its scales and zero
  /// points.
  @Test(arguments: exactScales + ["w4_g32_sym_mask", "w4_g32_sym_accum2"])
  func theBestRangesGiveTheScalesOfTheReference(variant: String) throws {
    let fixture = try TuningFixture(variant)
    for layer in try fixture.layers(in: fixture.program(batch: 1)) {
      let quantizer = try #require(layer.quantizer as? IntegerWeightQuantizer)
      let (alpha, beta) = try fixture.bestRanges(of: layer)
      quantizer.setParameters(values: nil, alpha: alpha, beta: beta)
      let weight = try quantizer.finished()
      #expect(weight.scales == (try fixture.run.tensor("best.\(layer.name).scale").floats()))
      guard let zeroPoints = weight.zeroPoints else { continue }
      let expected = try fixture.run.tensor("best.\(layer.name).zp").elements(as: UInt8.self)
      #expect(zeroPoints == expected)
    }
  }

  /// A run ends with the iteration and the numbers of the reference, as far as chaos lets it.
  private func expectBest(
    of fixture: TuningFixture, _ layers: [TunedLayer], _ outcome: TuningOutcome,
    agree share: Double
  ) throws {
    let best = try fixture.run.tensor("best_iter").elements(as: Int32.self)[0]
    #expect(outcome.bestIteration == Int(best))
    let middle = fixture.isSymmetric ? 1 << (fixture.bitCount - 1) : 0
    var compared = 0
    for layer in layers {
      guard let integers = try fixture.recorded("best.\(layer.name).int") else { continue }
      compared += 1
      let expected = integers.elements(as: Int8.self).map { Int($0) }
      let found = try layer.quantizer.finished().codes.elements(as: UInt8.self).map {
        Int($0) - middle
      }
      let agreeing = zip(found, expected).count { $0 == $1 }
      #expect(
        Double(agreeing) >= share * Double(expected.count),
        "\(fixture.variant) \(layer.name): \(agreeing) of \(expected.count) integers")
    }
    #expect(compared > 0)
  }

  /// Independent of the chaos: the reference's best parameters give the reference's loss and outputs.
  @Test(arguments: complete)
  func theBestParametersGiveTheLossOfTheReference(variant: String) throws {
    let fixture = try TuningFixture(variant)
    let block = try fixture.program(batch: 4)
    let layers = try fixture.layers(in: block)
    let targets = try fixture.targets(from: block)
    for layer in layers {
      let quantizer = layer.quantizer as! IntegerWeightQuantizer
      quantizer.setParameters(
        values: try fixture.run.tensor("best.\(layer.name).value").floats(),
        alpha: try fixture.run.tensor("best.\(layer.name).min_scale").floats(),
        beta: try fixture.run.tensor("best.\(layer.name).max_scale").floats())
      let weight = try quantizer.finished()
      #expect(weight.scales == (try fixture.run.tensor("best.\(layer.name).scale").floats()))
      let middle = fixture.isSymmetric ? 1 << (fixture.bitCount - 1) : 0
      let integers = try fixture.run.tensor("best.\(layer.name).int").elements(as: Int8.self)
      #expect(
        weight.codes.elements(as: UInt8.self).map { Int($0) - middle } == integers.map { Int($0) })
      if let zeroPoints = weight.zeroPoints {
        let expected = try fixture.run.tensor("best.\(layer.name).zp").elements(as: UInt8.self)
        #expect(zeroPoints == expected)
      }
    }
    BlockTuner(
      block: block, layers: layers, settings: TuningSettings(iterations: 1, batchSize: 4)
    ).quantizeWeights()

    let best = Int(try fixture.run.tensor("best_iter").elements(as: Int32.self)[0])
    let inputs = try fixture.cache("input_q")
    let batch = try fixture.batches[best]
    block.gather(batch, from: inputs)
    block.program.forward()
    let elements = inputs.sampleByteCount / 4
    var sum = 0.0
    for (position, sample) in batch.enumerated() {
      sum += block.program.device.squaredError(
        block.program.output + position * inputs.sampleByteCount, target: targets[sample],
        count: elements, gradient: nil, factor: 0)
    }
    expectClose(
      sum / Double(batch.count * elements), try fixture.doubles("loss")[best],
      Tolerance(relative: 1e-5))

    block.gather([0, 1], from: inputs)
    block.program.forward()
    let expected = try fixture.run.tensor("quantized_output")
    let ours = UnsafeBufferPointer(
      start: block.program.output.pointer.assumingMemoryBound(to: Float.self),
      count: expected.count)
    expectClose(Array(ours), expected.floats(), Tolerance(absolute: 1e-5))
  }

  @Test(
    arguments: complete + exactScales + ["w4_g32_sym_accum2"], ComputeType.available)
  func aWholeRunComesCloseToTheReference(variant: String, compute: ComputeType) throws {
    let fixture = try TuningFixture(variant)
    let expected = try fixture.doubles("loss")
    let batches = try fixture.batches
    let block = try fixture.program(batch: 4, compute: compute)
    let layers = try fixture.layers(in: block)
    let targets = try fixture.targets(from: block)
    let inputs = try fixture.cache("input_q", on: block.program.device)
    let settings = TuningSettings(
      iterations: expected.count, learningRate: .fixed(try fixture.doubles("lr")[0]), batchSize: 4,
      gradientAccumulationSteps: batches[0].count / 4)
    let tuner = BlockTuner(block: block, layers: layers, settings: settings)
    let outcome = try tuner.tune(
      inputs: inputs, targets: targets, batches: FixedBatches(batches)
    ) { _, _ in }

    let isExact = compute == .float32
    expectClose(outcome.losses[0], expected[0], Tolerance(relative: isExact ? 1e-5 : 2e-2))
    expectClose(outcome.losses, expected, Tolerance(relative: 0.1))
    let best = try #require(expected.min())
    expectClose(outcome.bestLoss, best, Tolerance(relative: 0.05))
    #expect(outcome.bestLoss == outcome.losses.min())
    #expect(outcome.losses.firstIndex(of: outcome.bestLoss) == outcome.bestIteration)
    if isExact, Self.exactScales.contains(variant) {
      expectClose(
        Array(outcome.losses[..<3]), Array(expected[..<3]), Tolerance(relative: 1e-5))
      try expectBest(of: fixture, layers, outcome, agree: 0.97)
    }
    if isExact, variant == "w4_g32_sym_accum2" {
      try expectBest(of: fixture, layers, outcome, agree: 0.95)
    }
  }

  /// The first steps on each device: the losses after two steps by the signs of its gradients.
  @Test(arguments: Devices.available) func everyDeviceTunes(choice: Devices.Choice) throws {
    struct Enough: Error {}
    let fixture = try TuningFixture(Self.exactScales[0])
    let expected = try fixture.doubles("loss")
    let device = try choice.make()
    let block = try fixture.program(batch: 4, device: device)
    let layers = try fixture.layers(in: block)
    let settings = TuningSettings(
      iterations: expected.count, learningRate: .fixed(try fixture.doubles("lr")[0]), batchSize: 4)
    let tuner = BlockTuner(block: block, layers: layers, settings: settings)
    let (inputs, targets) = (
      try fixture.cache("input_q", on: device), try fixture.targets(from: block)
    )
    let batches = FixedBatches(try fixture.batches)
    var losses: [Double] = []
    #expect(throws: Enough.self) {
      _ = try tuner.tune(inputs: inputs, targets: targets, batches: batches) { _, loss in
        losses.append(loss)
        if losses.count == 3 { throw Enough() }
      }
    }
    expectClose(
      losses, Array(expected[..<3]),
      Tolerance(relative: choice.compute == .float32 ? 1e-5 : 2e-2))
  }

  private func expectSigns(_ ours: [Float], _ theirs: [Float], agree share: Double) {
    let agreeing = zip(ours, theirs).count { sign($0) == sign($1) }
    #expect(Double(agreeing) >= share * Double(theirs.count))
  }

  private func expectEqual(_ ours: [Float], _ theirs: [Float], agree share: Double) {
    let agreeing = zip(ours, theirs).count { abs($0 - $1) <= 1e-6 }
    #expect(Double(agreeing) >= share * Double(theirs.count))
  }

  private func sign(_ value: Float) -> Int { value > 0 ? 1 : value < 0 ? -1 : 0 }
}
