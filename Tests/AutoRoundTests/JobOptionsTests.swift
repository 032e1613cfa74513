import AutoRound
import Foundation
import TestSupport
import Testing

/// Numbers without a meaning that a program sets, which no recipe or command line has looked at.
@Suite struct JobOptionsTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  private static let mistakes:
    [(words: [String], set: @Sendable (inout AutoRoundOptions) -> Void)] =
      [
        (["iterations", "-1", "from 0 to 1000000"], { $0.iterations = -1 }),
        (["learningRate", "-0.5", "above 0"], { $0.learningRate = -0.5 }),
        (["learningRate", "nan", "above 0"], { $0.learningRate = .nan }),
        (["batchSize", "it is 0", "from 1 to 65536"], { $0.batchSize = 0 }),
        (["sampleCount", "it is 0", "from 1 to 1000000"], { $0.sampleCount = 0 }),
        (["sequenceLength", "it is 0", "from 1 to 1048576"], { $0.sequenceLength = 0 }),
        (["seed", "-1", "from 0 to 4294967295"], { $0.seed = -1 }),
        (["momentum", "1.0", "from 0.0 up to 1.0"], { $0.momentum = 1 }),
        (["groupSize", "-2", "from 1 to 2147483648"], { $0.groupSize = -2 }),
      ]

  @Test(arguments: mistakes.indices)
  func everyOptionIsChecked(_ index: Int) throws {
    let (words, set) = Self.mistakes[index]
    let options = AutoRoundOptions(scheme: .preset("W4A16"), set)
    expectInputError(.invalidValue, mentioning: words) { try ResolvedOptions(recipe: options) }
    expectInputError(.invalidValue, mentioning: words) { try AutoRoundModifier(set) }
    expectInputError(.invalidValue, mentioning: words) {
      try oneshot(
        model: model, recipe: Recipe(options), output: URL(filePath: "/nonexistent/output"))
    }
    expectInputError(.invalidValue, mentioning: words) {
      try ResolvedOptions().overriding(OptionOverrides { $0.values = options.values })
    }
  }

  private static let limits: [(words: [String], set: @Sendable (inout QuantizationJob) -> Void)] = [
    (["threads", "it is 0", "from 1 to"], { $0.threads = 0 }),
    (["threads", "it is \(Int.max)", "from 1 to"], { $0.threads = .max }),
    (["heldOutTokenCount", "it is -1", "from 0 to"], { $0.reporting.heldOutTokenCount = -1 }),
    (["memoryBudget", "it is 0", "from 1 to"], { $0.memoryBudget = MemoryBudget(byteCount: 0) }),
  ]

  @Test(arguments: limits.indices)
  func everyNumberOfAJobIsChecked(_ index: Int) throws {
    let (words, set) = Self.limits[index]
    var job = QuantizationJob(
      model: model, modifier: try AutoRoundModifier(), output: URL(filePath: "/nonexistent/output"))
    set(&job)
    expectInputError(.invalidValue, mentioning: words) { try job.plan() }
    expectInputError(.invalidValue, mentioning: words) { try job.run() }
  }
}
