import AutoRound
import Foundation
import TestSupport
import Testing

/// Whole runs on samples that are padded.
@Suite(.oneAtATime) struct PaddedRunTests {
  /// How much padding there is changes nothing but the order of sums.
  @Test(arguments: ["llama", "qwen3_next", "minimax_m2"])
  func paddingDoesNotCount(model: String) throws {
    try withTemporaryFolder { folder in
      func run(length: Int) throws -> RunReport {
        let family = try FamilyRun(
          model, scheme: "W4A16", in: folder.appending(path: "\(length)"))
        let file = folder.appending(path: "short.jsonl")
        try [24, 7, 15, 24, 3, 20].enumerated().map { sample, count in
          "{\"input_ids\": \((0..<count).map { ($0 * $0 + 31 * sample) % 96 })}\n"
        }.joined().write(to: file, atomically: true, encoding: .utf8)
        var job = family.job
        job.dataset = try CalibrationSource(file: file)
        job.reporting.heldOutTokenCount = 0
        job.modifier = AutoRoundModifier(
          try family.job.modifier.options.overriding(
            OptionOverrides {
              ($0.shortSamples, $0.sampleCount, $0.sequenceLength) = (.pad, 6, length)
              ($0.iterations, $0.batchSize, $0.head) = (1, 4, .quantize)
            }))
        return try job.run()
      }
      let (plain, padded) = (try run(length: 24), try run(length: 56))
      #expect(plain.blocks.count == padded.blocks.count && plain.blocks.count >= 2)
      #expect(plain.blocks.contains { $0.experts != nil } == (model != "llama"))
      for (one, other) in zip(plain.blocks, padded.blocks) {
        expectClose(one.rtnLoss, other.rtnLoss, Tolerance(relative: 1e-2), one.name)
        #expect(one.experts == other.experts)
      }
      let (first, second) = (plain.blocks[0], padded.blocks[0])
      expectClose(second.rtnLoss, first.rtnLoss, Tolerance(relative: 1e-4))
      expectClose(second.losses, first.losses, Tolerance(relative: 1e-4))
    }
  }
}
