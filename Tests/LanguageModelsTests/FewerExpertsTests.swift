import Compute
import LanguageModels
import Recordings
import Tensors
import TestSupport
import Testing

/// Blocks with some of their experts, which are measured in the place of large ones.
@Suite struct FewerExpertsTests {
  private func block(_ oracle: OracleModel) throws -> (placed: PlacedBlock, block: ResidualBlock) {
    let placed = try #require(
      oracle.description.blocks.first { !$0.block.expertsOfLayers.isEmpty })
    return (placed, try #require(placed.block as? ResidualBlock))
  }

  private func weights(_ block: any DecoderBlock) -> Int {
    block.linearLayers.reduce(0) { $0 + $1.outputs * $1.inputs }
  }

  /// Of each family with experts, on what is read of its files.
  @Test(arguments: [
    "deepseek_v3", "ernie4_5_moe", "gemma4-moe", "glm4_moe", "gpt_oss", "granitemoe", "llama4",
    "minimax_m2", "mixtral", "nemotron_h", "olmoe", "qwen2_moe", "qwen3-moe", "qwen3_next",
  ])
  func theFirstExpertsStay(model: String) throws {
    let oracle = try OracleModel(model)
    let (placed, whole) = try block(oracle)
    let all = try #require(whole.allExperts.first?.experts)
    let fewer = whole.withFewerExperts(weightLimit: 0, least: 1)
    let some = try #require(fewer.allExperts.first?.experts)
    let count = some.experts.count
    #expect(count == some.routing.experts && count == some.router.outputs)
    #expect(count >= all.routing.perToken && count < 2 * all.routing.perToken)
    #expect(some.experts == Array(all.experts.prefix(count)))
    let names = Set(whole.linearLayers.map(\.name))
    #expect(Set(fewer.linearLayers.map(\.name)).isSubset(of: names))
    guard count < all.experts.count else { return }
    #expect(weights(fewer) < weights(whole))

    let program = try BlockProgram(
      fewer, batch: 1, tokens: 4, device: oracle.device, training: .nothing)
    try program.load(placed.name, from: oracle.checkpoint)
    let router = try #require(
      program.program.parameterParts.first { $0.name == "\(all.router.name).weight" })
    let stored = try all.router.readWeight(in: placed.name, from: oracle.checkpoint)
    #expect(router.rows == count)
    var found = [Float](repeating: 0, count: router.rows * router.columns)
    found.withUnsafeMutableBytes { router.range.download(into: $0) }
    #expect(found == Array(stored.floats().prefix(found.count)))
    var generator = SeededGenerator(seed: 2)
    let input = generator.normal(4 * whole.width)
    input.withUnsafeBytes { program.program[range: program.input].upload($0) }
    program.program.forward()
    var output = input
    output.withUnsafeMutableBytes { program.program.output.download(into: $0) }
    #expect(output != input && output.everySatisfies(\.isFinite))
  }

  @Test func noMoreAreLeftOutThanNeeded() throws {
    let (_, whole) = try block(try OracleModel("qwen3-moe"))
    let (all, expert) = (weights(whole), 3 * 32 * 64)
    func count(_ limit: Int, least: Int = 1) -> Int? {
      whole.withFewerExperts(weightLimit: limit, least: least).allExperts.first?.experts.experts
        .count
    }
    #expect(count(all) == 8)
    #expect(count(all - 1) == 4)
    #expect(count(all - 4 * expert) == 4)
    #expect(count(all - 4 * expert - 1) == 2)
    #expect(count(0) == 2)
    #expect(count(0, least: 3) == 4)
    #expect(count(0, least: 9) == 8)
    #expect(whole.withFewerExperts(weightLimit: all, least: 1) == whole)
    // A block without experts stays as it is.
    let dense = try #require(try OracleModel("llama").description.blocks[0].block as? ResidualBlock)
    #expect(dense.withFewerExperts(weightLimit: 0, least: 1) == dense)
  }
}
