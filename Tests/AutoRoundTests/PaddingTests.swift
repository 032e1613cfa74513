import AutoRound
import Compute
import LanguageModels
import Recordings
import TestSupport
import Testing
import Tuning

/// Padding counts in nothing: a padded sample gives what it gives by itself. Products of other shapes may add up in
/// another order, so that numbers agree within f32.
@Suite(.oneAtATime) struct PaddingTests {
  /// Attention, experts, a delta net with experts, a scan, a convolution, and a choice of keys.
  static let blocks = [
    ("llama", 0), ("minimax_m2", 0), ("qwen3_next", 0), ("qwen3_next", 1), ("falcon_h1", 0),
    ("lfm2", 0), ("deepseek_v32", 1),
  ]
  private static let close = Tolerance(ofLargest: 2e-5)

  /// Outputs of the samples' own tokens, what columns weigh, the tokens of experts, and the ranges of inputs.
  @Test(arguments: blocks) func statisticsAreThoseOfTheTokens(model: (name: String, block: Int))
    throws
  {
    let twins = try PaddedTwins(model.name, block: model.block)
    let width = twins.placed.block.width
    var expected = Statistics()
    var outputs: [[Float]] = []
    for (sample, count) in PaddedTwins.lengths.enumerated() {
      let block = try twins.program(batch: 1, tokens: count, hasScales: true)
      let cache = twins.alone(sample)
      try expected.add(block, cache)
      outputs.append(numbers(cache, sample: 0, count: count * width))
    }
    // The last batch has a sample less than fits.
    let block = try twins.program(batch: 3, tokens: PaddedTwins.tokens, hasScales: true)
    let cache = twins.padded()
    var found = Statistics()
    try found.add(block, cache)
    for (sample, count) in PaddedTwins.lengths.enumerated() {
      expectClose(
        numbers(cache, sample: sample, count: count * width), outputs[sample], Self.close)
    }
    #expect(found.expertTokens == expected.expertTokens)
    #expect(expected.expertTokens.isEmpty != block.program.hasExperts)
    #expect(found.squares.count == expected.squares.count && !found.squares.isEmpty)
    for (name, squares) in expected.squares {
      expectClose(found.squares[name] ?? [], squares, Tolerance(ofLargest: 1e-4), name)
    }
    #expect(found.scales.keys.sorted() == expected.scales.keys.sorted() && !found.scales.isEmpty)
    for (name, scale) in expected.scales {
      expectClose([found.scales[name] ?? 0], [scale], Tolerance(relative: 1e-5), name)
    }
  }

  /// The loss of a step is the mean over tokens that count, and its gradients are those of the samples by themselves.
  @Test(arguments: blocks) func gradientsAreThoseOfTheTokens(model: (name: String, block: Int))
    throws
  {
    let twins = try PaddedTwins(model.name, block: model.block)
    // Each sample weighs as many tokens as it has.
    let total = PaddedTwins.lengths.reduce(0, +)
    var (loss, errors, gradients) = (0.0, [Double](), [String: [Float]]())
    for (sample, count) in PaddedTwins.lengths.enumerated() {
      let own = try step(
        twins, twins.program(batch: 1, tokens: count), twins.alone(sample), samples: 1)
      let share = Double(count) / Double(total)
      loss += share * own.loss
      errors += own.errors
      for (name, gradient) in own.gradients {
        let sum = gradients[name] ?? Array(repeating: 0, count: gradient.count)
        gradients[name] = zip(sum, gradient).map { $0 + Float(share) * $1 }
      }
    }
    let padded = try step(
      twins, twins.program(batch: 4, tokens: PaddedTwins.tokens), twins.padded(), samples: 4)
    expectClose(padded.loss, loss, Tolerance(relative: 1e-5))
    expectClose(padded.errors, errors, Tolerance(ofLargest: 1e-4))
    #expect(padded.gradients.count == gradients.count && gradients.count >= 2)
    for (name, gradient) in gradients {
      expectClose(padded.gradients[name] ?? [], gradient, Tolerance(ofLargest: 2e-4), name)
    }
  }

  /// With a part of the tokens, the loss is the mean over these; the others run.
  @Test func onlyCountedTokensAreInTheLoss() throws {
    let twins = try PaddedTwins("llama", block: 0)
    let counted = [[2..<5, 7..<13], [0..<1], [0..<1], [19..<20]]
    let all = try step(
      twins, twins.program(batch: 4, tokens: PaddedTwins.tokens), twins.padded(), samples: 4)
    let some = try step(
      twins, twins.program(batch: 4, tokens: PaddedTwins.tokens), twins.padded(counted: counted),
      samples: 4)
    var (first, expected) = (0, [Double]())
    for (sample, runs) in counted.enumerated() {
      for token in runs.joined() { expected.append(all.errors[first + token]) }
      first += PaddedTwins.lengths[sample]
    }
    #expect(some.errors == expected && expected.count == 12)
    let width = Double(twins.placed.block.width)
    expectClose(
      some.loss, expected.reduce(0, +) / (12 * width), Tolerance(relative: 1e-6))
    #expect(some.loss != all.loss)
  }

  @Test func masksAreCut() {
    let mask = SampleMask(tokenCount: 13, counted: [2..<5, 7..<13])
    #expect(mask.countedCount == 9)
    #expect(mask.part(0..<8) == SampleMask(tokenCount: 8, counted: [2..<5, 7..<8]))
    #expect(mask.part(8..<16) == SampleMask(tokenCount: 5, counted: [0..<5]))
    #expect(mask.part(16..<24) == SampleMask(tokenCount: 0, counted: []))
    #expect(SampleMask(tokenCount: 3).part(2..<4) == SampleMask(tokenCount: 1))
  }

  // MARK: What is found

  /// What calibration finds out about a block.
  private struct Statistics {
    var expertTokens: [Int] = []
    var squares: [String: [Float]] = [:]
    var scales: [String: Float] = [:]

    /// Adds what samples give, and leaves the block's outputs in their place.
    mutating func add(_ block: BlockProgram, _ cache: ActivationCache) throws {
      for scale in try block.calibrateInputs(on: cache, dtype: .float32) {
        scales[scale.name] = max(scales[scale.name] ?? 0, scale.value)
      }
      let program = block.program
      program.activations = .passed
      (program.inputSquares, program.expertTokens) = ([:], [:])
      let experts = try ExpertCalibration(block)
      experts?.collectSquares()
      block.advance(cache, with: experts)
      let own = try #require(program.inputSquares)
      let all = experts?.squares(replacing: own) ?? own
      let tokens = (program.expertTokens ?? [:]).sorted { $0.key.index < $1.key.index }
        .flatMap(\.value)
      expertTokens = expertTokens.isEmpty ? tokens : zip(expertTokens, tokens).map { $0 + $1 }
      for part in program.parameterParts where part.isMatrix {
        for (name, collected) in [(part.name, own), ("all of \(part.name)", all)] {
          guard let more = collected[part.parameter] else { continue }
          let sum = squares[name] ?? Array(repeating: 0, count: more.count)
          squares[name] = zip(sum, more).map { $0 + $1 }
        }
      }
    }
  }

  /// One step of tuning on all samples, and the errors of all tokens before it.
  private func step(
    _ twins: PaddedTwins, _ block: BlockProgram, _ inputs: ActivationCache, samples: Int
  ) throws -> (loss: Double, errors: [Double], gradients: [String: [Float]]) {
    let targets = inputs.copy()
    block.advance(targets)
    let layers = try twins.layers(in: block)
    let settings = TuningSettings(iterations: 1, learningRate: .fixed(0.01), batchSize: samples)
    let tuner = BlockTuner(block: block, layers: layers.map(\.layer), settings: settings)
    tuner.quantizeWeights()
    let errors = block.errors(on: inputs, targets: targets)
    let outcome = try tuner.tune(
      inputs: inputs, targets: targets, batches: FixedBatches([Array(0..<samples)])
    ) { _, _ in }
    expectClose(outcome.losses[0], errors.mean, Tolerance(relative: 1e-6))
    var gradients: [String: [Float]] = [:]
    for (layer, recorder) in layers { gradients[layer.name] = recorder.gradients?.values }
    return (outcome.losses[0], errors.sums, gradients)
  }

  private func numbers(_ cache: ActivationCache, sample: Int, count: Int) -> [Float] {
    var numbers = [Float](repeating: 0, count: count)
    numbers.withUnsafeMutableBytes { cache[sample].download(into: $0) }
    return numbers
  }
}
