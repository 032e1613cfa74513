import Checkpoints
import Evaluation
import Foundation
import Reporting
import TestSupport
import Testing
import Verification

/// `report.html` of runs of all sizes.
@Suite struct PageTests {
  private func block(_ index: Int, of count: Int, experts: Int = 0, name: String? = nil)
    -> BlockReport
  {
    let size = pow(10, -5 + 4 * Double(index) / Double(count))
    let dense = ["self_attn.q_proj", "self_attn.o_proj"]
    let layers =
      dense
      + (0..<experts).flatMap { ["mlp.experts.\($0).up_proj", "mlp.experts.\($0).down_proj"] }
    var block = BlockReport(
      index: index, name: name ?? "model.layers.\(index)", layers: layers, initialLoss: size,
      bestLoss: size / 4, bestIteration: 150, finalLoss: size / 3, rtnLoss: size,
      seconds: 1.5, losses: (0..<200).map { size * (1 - 0.7 * Double($0) / 200) })
    block.layerReports = layers.enumerated().map { position, layer in
      LayerReport(
        name: layer, bitCount: position == 0 ? 8 : 4,
        weightError: 0.05 + 0.05 * Double(position % 3))
    }
    if experts > 0 {
      block.experts = ExpertCoverage(
        tokens: (0..<experts).map { $0 * (index + 1) },
        rounded: [.init(name: "mlp.experts.0", tokenCount: 0)])
    }
    return block
  }

  private func page(_ blocks: [BlockReport], _ set: (inout RunReport) -> Void = { _ in }) throws
    -> String
  {
    let source = try Checkpoint(opening: Fixtures.examples.appending(path: "books-llama-6m"))
    let output = OutputReport(
      format: "compressed-tensors", folder: URL(filePath: "/tmp/out \"<b>&"),
      byteCount: 410_000_000, bitsPerWeight: 4.125, verification: VerificationReport())
    var report = RunReport(
      model: "model", output: output.folder, outputs: [output], blocks: blocks, seconds: 245,
      peakMemoryByteCount: 2_100_000_000, sourceByteCount: 1_192_135_096, warnings: [])
    set(&report)
    var description = RunDescription()
    description.scheme = "4-bit <int>"
    description.calibrationExcerpt = "</td></table><script>alert(1)</script>"
    let record = RunRecord(
      description,
      readers: FormatReaders(name: "compressed-tensors", version: "0.19") { _ in [] }, report,
      ofOutput: 0, RunReporting(), SourceCard(of: source))
    return try #require(record.files.first { $0.name == "report.html" }).text
  }

  private func quality(_ numbers: [Double]) -> EvaluationReport {
    var report = EvaluationReport(
      perplexity: 47.4, tokens: numbers.count, sequenceLength: numbers.count / 2 + 1, seconds: 1)
    let means = PositionMeans(of: numbers, period: numbers.count / 2)
    report.comparison = .init(
      referencePerplexity: 47.2, klDivergenceMean: 0.005, klDivergenceP99: 0.04,
      sameTopToken: 0.94, klDivergenceByPosition: means,
      rounded: .init(perplexity: 50, klDivergenceMean: 0.02, klDivergenceByPosition: means))
    return report
  }

  @Test func losesNothingOfAnOrdinaryRun() throws {
    let page = try page((0..<12).map { block($0, of: 12) }) {
      $0.quality = quality((0..<1022).map { 0.01 + Double($0 % 7) / 1000 })
      $0.warnings = ["few samples", "<i>steps</i>"]
    }
    let tags = Tags(page)
    #expect(tags.faults == [])
    // Losses, errors, bits, positions with a line of its own each, and twelve blocks of steps with one.
    #expect(tags.names.count { $0 == "svg" } == 4 + 2 + 12 * 2)
    #expect(tags.names.count { $0 == "polyline" } == 2 + 12)
    #expect(page.contains("self_attn.q_proj: 5.0 %</title>"))
    #expect(page.contains("self_attn.o_proj: 4</title>"))
    #expect(page.contains("<b>47.4</b><span>source 47.2 (+0.4 %)</span>"))
    #expect(page.contains("<details class=\"warnings\" open><summary>2 warnings</summary>"))
    #expect(page.contains("out &quot;&lt;b&gt;&amp;"))
    #expect(!page.contains("<script") && !page.contains("http") && !page.contains("src="))
  }

  @Test func hundredBlocksWithExpertsFit() throws {
    let page = try page((0..<100).map { block($0, of: 100, experts: 128) })
    let tags = Tags(page)
    #expect(tags.faults == [])
    #expect(page.contains("mlp.experts.*.up_proj, mean of 128: "))
    #expect(tags.names.count { $0 == "tr" } > 100)
    #expect(tags.names.count { $0 == "polyline" } == 100)
    #expect(page.contains("class=\"scarce\""))
    #expect(page.utf8.count < 600_000, "\(page.utf8.count)")
  }

  @Test func moreThanThatIsChosenFrom() throws {
    let page = try page(
      (0..<3000).map { index in
        var block = block(index, of: 3000)
        block.layerReports = (0..<8).map {
          LayerReport(name: "part\(index % 10 * 8 + $0).proj", bitCount: 4, weightError: 0.1)
        }
        return block
      }
    ) { $0.warnings = (0..<6).map { "number \($0)" } }
    #expect(Tags(page).faults == [])
    #expect(page.contains("; 160 of 3,000 blocks, evenly chosen"))
    #expect(page.contains("; the first 48 of 80 names of layers"))
    #expect(page.contains(">model.layers.2999<") && page.contains(">model.layers.0<"))
    #expect(page.contains("<details class=\"warnings\"><summary>6 warnings</summary>"))
    #expect(page.utf8.count < 1_000_000, "\(page.utf8.count)")
  }

  /// Names come from files, and numbers may be none.
  @Test func standsHostileNamesAndNumbers() throws {
    let names = ["\"><script>", "a<\u{301}b", "", "\u{0}", "…&lt;"]
    let blocks = names.enumerated().map { index, name in
      var block = block(index, of: 5, name: name)
      block.finalLoss = [0, .nan, .infinity, -1, 1e300][index]
      block.losses = [[], [.nan, .nan], [1, .infinity, 2], [0, 0], [1e308, 1e308]][index]
      block.bestIteration = [0, 5, 1, 0, 1][index]
      block.layerReports = [
        LayerReport(
          name: name, bitCount: 4, weightError: [.nan, .infinity, 0, 1e300, 0.1][index])
      ]
      block.experts = ExpertCoverage(tokens: [[0], [.max], [1, 2], [], [5]][index], rounded: [])
      return block
    }
    let page = try page(blocks) { $0.quality = quality([.nan, 0, .infinity, 0, 1, 2]) }
    #expect(Tags(page).faults == [])
    #expect(!page.contains("<script") && !page.contains("\"nan") && !page.contains("\"inf"))
  }

  @Test func aRunWithoutBlocksHasNoCharts() throws {
    let page = try page([])
    #expect(Tags(page).faults == [])
    #expect(!page.contains("<svg") && page.contains("<h2>How it was made</h2>"))
  }
}
