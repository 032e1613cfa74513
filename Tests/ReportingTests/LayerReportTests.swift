import Diagnostics
import Evaluation
import JSONText
import Reporting
import TestSupport
import Testing

/// What a journal keeps of a block's layers, and means by positions.
@Suite struct LayerReportTests {
  private var block: BlockReport {
    var block = BlockReport(
      index: 3, name: "model.layers.3", layers: ["self_attn.q_proj", "mlp.up_proj"],
      initialLoss: 4e-4, bestLoss: 1e-4, bestIteration: 1, finalLoss: 2e-4, rtnLoss: 4e-4,
      seconds: 1, losses: [4e-4, 1e-4])
    block.layerReports = [
      LayerReport(name: "self_attn.q_proj", bitCount: 4, weightError: 0.0821),
      LayerReport(name: "mlp.up_proj", bitCount: 8, weightError: 0.0052),
    ]
    block.experts = ExpertCoverage(tokens: Array(0..<32), rounded: [])
    return block
  }

  @Test func aBlockIsReadAsItIsWritten() throws {
    let read = try BlockReport(JSONReader(JSONValue.parse(block.json.text())))
    #expect(read == block)
    #expect(read.layerReports.count == 2)
  }

  @Test func aBlockWithoutThemIsRead() throws {
    var block = block
    block.layerReports = []
    #expect(try BlockReport(JSONReader(block.json)) == block)
  }

  @Test(arguments: ["layer_bits", "layer_errors"])
  func listsAreAsLongAsTheLayers(_ key: String) throws {
    var json = block.json
    json.set(key, [4])
    let error = #expect(throws: InputError.self) { try BlockReport(JSONReader(json)) }
    #expect(error?.place == key)
    #expect(error?.message.contains("expected 2 numbers") == true)
  }

  @Test func expertsHaveDeciles() throws {
    let coverage = try #require(ExpertCoverage(tokens: Array((0...100).reversed()), rounded: []))
    #expect(coverage.leastTokenCount == 0)
    #expect(coverage.lowerDecileTokenCount == 10)
    #expect(coverage.medianTokenCount == 50)
    #expect(coverage.upperDecileTokenCount == 90)
    #expect(coverage.mostTokenCount == 100)
    let one = try #require(ExpertCoverage(tokens: [7], rounded: []))
    #expect(
      [one.lowerDecileTokenCount, one.upperDecileTokenCount, one.mostTokenCount] == [7, 7, 7])
  }

  @Test func meansAreByThePlaceInAWindow() {
    let two = PositionMeans(of: [1, 2, 3, 3, 4, 9], period: 3)
    #expect(two.means == [2, 3, 6])
    #expect(two.span == 1 && two.positionCount == 3)
    // 130 places in spans of 3: the last one has a single place.
    let long = PositionMeans(of: (0..<260).map { Double($0 % 130) }, period: 130)
    #expect(long.span == 3)
    #expect(long.means.count == 44)
    #expect(long.means[0] == 1 && long.means[1] == 4 && long.means[43] == 129)
  }
}
