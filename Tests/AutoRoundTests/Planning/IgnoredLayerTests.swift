import AutoRound
import Foundation
import TestSupport
import Testing

/// Entries of `ignore` that match no layer.
@Suite struct IgnoredLayerTests {
  /// What sees is copied, so that to ignore it is no mistake, as recipes for such models do.
  @Test func whatIsCopiedMayBeIgnored() throws {
    let modifier = try AutoRoundModifier(ignore: ["lm_head", "re:.*visual.*", "re:.*vision.*"]) {
      $0.iterations = 0
      $0.groupSize = 4
    }
    let plan = try QuantizationJob(
      model: Fixtures.folder.appending(path: "models/qwen3_vl"), modifier: modifier
    ).plan(measuresTime: false)
    #expect(plan.layers.count == 14)
    #expect(
      plan.warnings.filter { $0.hasPrefix("ignore: ") } == [
        "ignore: 're:.*vision.*' matches no layer of the model"
      ])
  }
}
