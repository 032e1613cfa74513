import AutoRound
import Checkpoints
import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

/// Keys and values as 8-bit floats: their scales come from calibration, and a reader applies them.
@Suite(.serialized) struct KeyValueQuantizationTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  /// The model with weights of 8 bits, and keys and values as the rest of the recipe says.
  private func quantize(_ rest: String, to output: URL) throws {
    try oneshot(
      model: model,
      recipe: Recipe("AutoRoundModifier: {scheme: W8A16, ignore: [lm_head]\(rest)}"),
      overrides: OptionOverrides {
        $0.iterations = 0
        $0.batchSize = 1
        $0.sampleCount = 6
        $0.sequenceLength = 64
      },
      output: output)
  }

  private func scales(_ checkpoint: URL) throws -> [Float] {
    let checkpoint = try Checkpoint(opening: checkpoint)
    return try (0..<6).flatMap { block in
      try ["k", "v"].map {
        let tensor = try checkpoint.tensor(
          "model.layers.\(block).self_attn.\($0)_scale", shape: [1], dtype: .bfloat16)
        return tensor.floats()[0]
      }
    }
  }

  @Test func scalesAreCalibratedAndApplied() throws {
    try withTemporaryFolder { folder in
      let scheme = ", kv_cache_scheme: {num_bits: 8, type: float, strategy: tensor"
      let (none, average, whole) = (
        folder.appending(path: "none"), folder.appending(path: "average"),
        folder.appending(path: "whole")
      )
      try quantize("", to: none)
      try quantize("\(scheme)}", to: average)
      try quantize("\(scheme), observer: static_minmax}", to: whole)
      let (averaged, extremes) = try (scales(average), scales(whole))
      #expect(averaged.everySatisfies { $0.isFinite && $0 > 0 })
      // Six samples hardly move an average; what is beyond the first one's range does not count there.
      #expect(zip(averaged, extremes).everySatisfies { $0 <= $1 })
      #expect(averaged != extremes)

      let text = folder.appending(path: "text.txt")
      let all = try String(
        contentsOf: Fixtures.examples.appending(path: "data/evaluation.txt"), encoding: .utf8)
      try String(all.prefix(6000)).write(to: text, atomically: true, encoding: .utf8)
      let perplexities = try [none, average, whole].map {
        try Evaluation(model: $0, sequenceLength: 128).run(onText: text).perplexity
      }
      // The weights are the same in all three.
      #expect(perplexities[1] != perplexities[0] && perplexities[2] != perplexities[0])
      #expect(perplexities.everySatisfies { abs($0 / perplexities[0] - 1) < 0.01 })
    }
  }
}
