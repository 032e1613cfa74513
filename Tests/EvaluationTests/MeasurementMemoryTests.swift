import AutoRound
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing

/// What a plan counts beside the blocks.
@Suite struct MeasurementMemoryTests {
  private static let (vocabulary, hidden) = (200_000, 64)

  /// A model whose tables are far larger than its blocks.
  private func memory(heldOut: Int) throws -> MemoryEstimate {
    try withTemporaryFolder { folder in
      let run = try FamilyRun("llama", scheme: "W4A16", in: folder) { source in
        let file = source.appending(path: "config.json")
        var configuration = try JSONValue.parse(contentsOf: file)
        configuration.set("vocab_size", JSONValue(Self.vocabulary))
        try Data(configuration.text().utf8).write(to: file)
        try SourceFolder.rewrite(source) { tensors in
          for name in ["model.embed_tokens.weight", "lm_head.weight"] {
            let zeros = [Float](repeating: 0, count: Self.vocabulary * Self.hidden)
            tensors[name] = Tensor(zeros, shape: [Self.vocabulary, Self.hidden])
              .converted(to: .bfloat16)
          }
        }
      }
      var job = run.job
      job.reporting.heldOutTokenCount = heldOut
      job.processByteCount = 0
      return try job.plan(measuresTime: false).memory
    }
  }

  /// Two heads with one weight in f32, with the files that they are read from, and logits.
  @Test func headsOfTheComparisonCount() throws {
    let (without, with) = (try memory(heldOut: 0), try memory(heldOut: 48))
    let head = Self.vocabulary * Self.hidden
    let logits = 23 * Self.vocabulary * 4
    let own = with.block + with.tuning + with.streams
    #expect(own >= 4 * head + 2 * logits)
    #expect(own < 4 * head + 4 * logits)
    #expect(with.mapped >= 2 * 2 * head)
    // Filling the hidden states reads rows of one table, which are 96 here, and pages around them.
    let others = without.byteCount - without.process
    #expect(others >= 96 << 16 && others < 2 * head)
    #expect(without.byteCount < with.byteCount / 2)
  }
}
