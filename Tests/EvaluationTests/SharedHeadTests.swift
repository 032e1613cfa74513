import AutoRound
import Compute
import Evaluation
import Execution
import Foundation
import JSONText
import ReferenceDevice
import Tensors
import TestSupport
import Testing

/// The head of a model and that of its source are in memory once, where their numbers are the same.
@Suite struct SharedHeadTests {
  private static let (vocabulary, hidden) = (20_000, 64)
  private static let windows: [[Int32]] = [
    [0, 31, 124, 279, 496, 775], [7, 38, 131, 286, 503, 782],
  ]

  /// What is measured, and bytes of the heads that were read for it.
  private func measure(_ model: URL, _ reference: URL) throws -> (EvaluationReport, Int) {
    var evaluation = Evaluation(model: model, reference: reference)
    let device = try StandIn()
    evaluation.device = device
    let report = try evaluation.run(onWindows: Self.windows)
    return (report, device.tensorByteCount)
  }

  @Test func equalHeadsAreLoadedOnce() throws {
    try withTemporaryFolder { folder in
      let run = try FamilyRun("llama", scheme: "W4A16", in: folder) { source in
        let file = source.appending(path: "config.json")
        var configuration = try JSONValue.parse(contentsOf: file)
        configuration.set("vocab_size", JSONValue(Self.vocabulary))
        try Data(configuration.text().utf8).write(to: file)
        try SourceFolder.rewrite(source) { tensors in
          for (seed, name) in ["model.embed_tokens.weight", "lm_head.weight"].enumerated() {
            var generator = SeededGenerator(seed: UInt64(seed))
            let numbers = generator.normal(Self.vocabulary * Self.hidden, deviation: 0.1)
            tensors[name] = Tensor(numbers, shape: [Self.vocabulary, Self.hidden])
              .converted(to: .bfloat16)
          }
        }
      }
      _ = try run.job.run()
      let (model, source) = (
        try ReadableModel(opening: run.output), try ReadableModel(opening: run.source)
      )
      #expect(try LogitProgram.haveEqualWeights(model, source))
      let (shared, least) = try measure(run.output, run.source)
      let head = Self.vocabulary * Self.hidden * 4
      #expect(least == head)

      // With another norm there are two, and the numbers are those of the reference's own.
      try SourceFolder.rewrite(run.source) { tensors in
        let norm = try #require(tensors["model.norm.weight"])
        tensors["model.norm.weight"] = Tensor(norm.floats().map { 2 * $0 }, shape: norm.shape)
      }
      let other = try ReadableModel(opening: run.source)
      #expect(try !LogitProgram.haveEqualWeights(model, other))
      let (apart, most) = try measure(run.output, run.source)
      #expect(most == 2 * head)
      #expect(apart.perplexity == shared.perplexity)
      let comparisons = try (#require(shared.comparison), #require(apart.comparison))
      #expect(comparisons.0.referencePerplexity != comparisons.1.referencePerplexity)
      #expect(comparisons.0.klDivergenceMean < comparisons.1.klDivergenceMean)
    }
  }
}
