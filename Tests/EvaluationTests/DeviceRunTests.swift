import AutoRound
import CPU
import Checkpoints
import Compute
import Foundation
import Quantization
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing
import Verification

/// Whole runs, from plan to checkpoint, on devices other than the processor.
@Suite(.serialized) struct DeviceRunTests {
  private static let iterations = 4

  /// A run on little data, so that plain loops in f64 are done in time.
  private func job(
    _ source: URL, scheme: String, to output: URL,
    on makeDevice: @escaping @Sendable (ComputeType) throws -> any TuningDevice
  ) throws -> QuantizationJob {
    let windows = TinyCheckpoint.windows(12, tokens: 12, seed: 21)
    let file = output.deletingLastPathComponent().appending(path: "ids.jsonl")
    try windows.map { "{\"input_ids\": \($0)}\n" }.joined()
      .write(to: file, atomically: true, encoding: .utf8)
    let options = try ResolvedOptions(
      overrides: OptionOverrides {
        $0.iterations = Self.iterations
        // So small that no step undoes another, and large enough for codes to change.
        $0.learningRate = 0.02
        $0.batchSize = 2
        $0.sampleCount = 4
        $0.sequenceLength = 12
      }, recipe: Recipe("AutoRoundModifier: {ignore: [lm_head], \(scheme)}").autoRoundOptions())
    var job = QuantizationJob(model: source, modifier: AutoRoundModifier(options), output: output)
    job.dataset = try CalibrationSource(file: file)
    job.compute = .float32
    job.makeDevice = makeDevice
    job.reporting.heldOutTokenCount = 48
    return job
  }

  /// The reference has its own products, attention, gradients, losses and tuning of weights, in f64. What it writes is
  /// compared with what the processor writes: rounding to nearest is the same to 3e-7; then the sign of a gradient that
  /// is nearly zero decides a whole step. Measured: losses within 0.018, the last within 0.105, perplexity within 0.02,
  /// and 96.5 % of the codes are equal.
  @Test(arguments: ["scheme: W4A16", "scheme: W4A16_ASYM"])
  func everyDeviceMakesTheSameCheckpoint(scheme: String) throws {
    try TinyCheckpoint.withSource { source, folder in
      let (plain, other) = (folder.appending(path: "plain"), folder.appending(path: "other"))
      let expected = try job(source, scheme: scheme, to: plain) { try CPUDevice(compute: $0) }.run()
      let found = try job(source, scheme: scheme, to: other) { ReferenceDevice(compute: $0) }.run()

      #expect(found.blocks.count == 2)
      expectClose(found.blocks[0].rtnLoss, expected.blocks[0].rtnLoss, Tolerance(relative: 1e-5))
      for (ours, theirs) in zip(found.blocks, expected.blocks) {
        #expect(ours.losses.count == Self.iterations)
        expectClose(ours.losses, theirs.losses, Tolerance(relative: 0.025))
        // Another step may be the best; so few samples tell little of the loss on all.
        expectClose(ours.finalLoss, theirs.finalLoss, Tolerance(relative: 0.15))
      }
      let quality = try (#require(found.quality), #require(expected.quality))
      expectClose(quality.0.perplexity, quality.1.perplexity, Tolerance(relative: 0.03))
      let (ours, theirs) = try (codes(other), codes(plain))
      #expect(theirs.count == 2 * (128 * 128 * 2 + 64 * 128 * 2 + 3 * 128 * 256))
      let equal = zip(ours, theirs).count { $0 == $1 }
      #expect(ours.count == theirs.count && Double(equal) >= 0.95 * Double(theirs.count))
      #expect(Verifier(other, source: source).run().findings.filter { $0.kind == .damage }.isEmpty)
    }
  }

  /// The integers of all layers, one after another.
  private func codes(_ folder: URL) throws -> [UInt8] {
    let checkpoint = try Checkpoint(opening: folder)
    return try checkpoint.tensorNames.sorted().filter { $0.hasSuffix("_packed") }.flatMap { name in
      try checkpoint.tensor(name).withUnsafeBytes { $0.flatMap { [$0 & 15, $0 >> 4] } }
    }
  }

  /// What the device cannot compute is refused by the plan, and by a run before it begins.
  @Test(arguments: ["attention", "linear", "norm"])
  func whatTheDeviceCannotComputeIsRefusedAtOnce(operation: String) throws {
    try TinyCheckpoint.withSource { source, folder in
      let output = folder.appending(path: "output")
      let job = try job(source, scheme: "scheme: W4A16", to: output) {
        ReferenceDevice(compute: $0, refusing: [operation])
      }
      let words = ["model.layers.0", operation, "reference"]
      expectInputError(.unsupported, mentioning: words) { _ = try job.plan(measuresTime: false) }
      expectInputError(.unsupported, mentioning: words) { _ = try job.run() }
      #expect(try names(in: folder) == ["ids.jsonl", "source"])
    }
  }
}
