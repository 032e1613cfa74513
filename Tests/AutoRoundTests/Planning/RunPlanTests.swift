import AutoRound
import Foundation
import Quantization
import TestSupport
import Testing

/// What a plan says adds up.
@Suite struct RunPlanTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  private func expectSums(_ plan: RunPlan, besides scales: Int = 0) {
    let layers = plan.layers.reduce(0) { $0 + $1.byteCount }
    let kept = plan.keptTensors.reduce(0) { $0 + $1.byteCount }
    #expect(layers + kept + scales == plan.tensorByteCount)
    #expect(plan.layers.everySatisfies { $0.byteCount > 0 })

    let embedding = plan.keptTensors.filter { $0.name == "model.embed_tokens.weight" }
    #expect(embedding.count == 1)
    let inner = plan.tensorByteCount - embedding.reduce(0) { $0 + $1.byteCount }
    // The example model is in bf16, and its head is its embedding.
    let weights = (plan.sourceByteCount - embedding.reduce(0) { $0 + $1.byteCount }) / 2
    #expect(plan.first.bitsPerParameterWithoutEmbeddings == 8 * Double(inner) / Double(weights))
    #expect(
      plan.first.bitsPerParameter == 16 * Double(plan.tensorByteCount)
        / Double(plan.sourceByteCount))
  }

  @Test(arguments: QuantizationScheme.supportedPresets.filter { $0 != "UNQUANTIZED" })
  func everyByteIsInOneOfBothTables(_ preset: String) throws {
    let plan = try QuantizationJob(
      model: model, modifier: AutoRoundModifier(scheme: preset) { $0.iterations = 0 }
    ).plan(measuresTime: false)
    expectSums(plan)
    #expect(plan.layers.count == 42)
  }

  @Test func scalesOfKeysAndValuesComeOnTop() throws {
    let recipe = try Recipe(
      """
      AutoRoundModifier:
        scheme: W4A16
        ignore: [lm_head]
        kv_cache_scheme: {num_bits: 8, type: float, strategy: tensor, dynamic: false, symmetric: true}
      """)
    let modifier = try AutoRoundModifier(
      ResolvedOptions(overrides: OptionOverrides(), recipe: recipe.autoRoundOptions()))
    let plan = try QuantizationJob(model: model, modifier: modifier).plan(measuresTime: false)
    expectSums(plan, besides: 6 * 2 * 2)
  }

  @Test func aModelThatIsNotRunHasNoCalibration() throws {
    let options = try ResolvedOptions(overrides: OptionOverrides { $0.isModelFree = true })
    let plan = try QuantizationJob(
      model: model, modifier: AutoRoundModifier(options), output: model.appending(path: "out")
    ).plan()
    expectSums(plan)
    #expect(plan.time == nil)
    #expect((plan.memory.streams, plan.memory.block, plan.scratchByteCount) == (0, 0, 0))
    #expect(plan.memory.tuning > 0)
    #expect(plan.freeDiskByteCount != nil)
    #expect(plan.shortages.isEmpty)
  }
}
