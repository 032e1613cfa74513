import Diagnostics
import Foundation
import JSONText
import Reporting
import Testing

@Suite struct RunReportTests {
  private let report = RunReport(
    model: "my model", output: URL(filePath: "/tmp/out"),
    outputs: [
      OutputReport(
        format: "compressed-tensors", folder: URL(filePath: "/tmp/out"), byteCount: 410_000_000,
        bitsPerWeight: 4.125)
    ],
    blocks: [
      BlockReport(
        index: 0, name: "model.layers.0", layers: ["model.layers.0.mlp.up_proj"],
        initialLoss: 4e-4, bestLoss: 1e-4, bestIteration: 183, finalLoss: 2e-4, rtnLoss: 4e-4,
        seconds: 12.5),
      BlockReport(
        index: 10, name: "model.layers.10", layers: [], initialLoss: 0, bestLoss: 0,
        bestIteration: 0, finalLoss: 0, rtnLoss: 0, seconds: 1),
    ],
    seconds: 245, peakMemoryByteCount: 2_100_000_000, sourceByteCount: 1_192_135_096,
    warnings: ["few samples"])

  @Test func table() {
    var text = ProgressText(isLive: true, styling: .plain, width: 100)
    let lines = text.text(for: .finished(report), at: 0)
    let expected = """
      block            loss before       best  at step  all samples: rounded      tuned    gain
      model.layers.0     4.000e-04  1.000e-04      183             4.000e-04  2.000e-04  50.0 %
      model.layers.10    0.000e+00  0.000e+00        0             0.000e+00  0.000e+00   0.0 %

      size       1.19 GB -> 410 MB, 4.125 bits per quantized weight
      took       4 min 05 s, at most 2.10 GB of memory
      written    /tmp/out
      evaluate   autoround evaluate /tmp/out --text FILE --against 'my model'
      """
    let expectedLines = expected.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines == expectedLines.map { .line(String($0)) })
  }

  @Test func json() throws {
    let json = report.json
    #expect(json["seconds"] == 245.0)
    #expect(json["peak_memory_bytes"] == 2_100_000_000)
    #expect(json["output_bytes"] == 410_000_000)
    #expect(json["bits_per_weight"] == 4.125)
    let blocks = try #require(json["blocks"]?.arrayValue)
    #expect(blocks.count == 2)
    #expect(blocks[0]["name"] == "model.layers.0")
    #expect(blocks[0]["initial_loss"] == 4e-4)
    #expect(blocks[0]["best_loss"] == 1e-4)
    #expect(blocks[0]["best_iteration"] == 183)
    #expect(blocks[0]["rtn_loss"] == 4e-4)
    #expect(blocks[0]["final_loss"] == 2e-4)
    #expect(try JSONValue.parse(json.text()) == json)
  }

  @Test func description() {
    var text = ProgressText(isLive: false, styling: .plain)
    var description = RunDescription()
    description.model = "Qwen3-0.6B"
    description.architecture = "Qwen3ForCausalLM"
    description.scheme = "W4A16"
    description.instructionSet = "avx512"
    description.computeType = "bf16"
    (description.threadCount, description.blockCount) = (2, 28)
    (description.iterations, description.batchSize, description.seed) = (200, 8, 42)
    description.learningRate = "1/iterations"
    (description.sampleCount, description.sequenceLength) = (128, 2048)
    description.calibrationHash = "cbf29ce484222325"
    description.calibrationExcerpt = "It was a bright day"
    let expected = """
      Qwen3-0.6B  Qwen3ForCausalLM, 28 blocks
      scheme       W4A16
      tuning       200 iterations, batch 8, learning rate 1/iterations, seed 42
      calibration  128 samples of 2048 tokens (262,144), hash cbf29ce484222325
                   It was a bright day
      compute      bf16 on cpu (avx512), 2 threads
      """
    #expect(
      text.text(for: .started(description), at: 0)
        == expected.split(separator: "\n").map { .line(String($0)) })
  }
}
