import AutoRound
import Checkpoints
import Diagnostics
import Evaluation
import Execution
import Foundation
import JSONText
import Quantization
import Tensors
import TestSupport
import Testing
import Verification

/// A head that is quantized with the blocks, tuned on its logits, written and read back.
@Suite(.serialized) struct HeadQuantizationTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  /// The example model with a head of its own, the same numbers as its embedding.
  private func untiedModel(in folder: URL) throws -> URL {
    let source = try Checkpoint(opening: model)
    let output = folder.appending(path: "untied")
    var tensors = source.tensorNames.compactMap(source.info)
    let table = try source.tensor("model.embed_tokens.weight")
    tensors.append(TensorInfo(name: "lm_head.weight", dtype: table.dtype, shape: table.shape))
    let writer = try CheckpointWriter(
      output: output, tensors: tensors, sources: [model], overwrite: false)
    for name in source.tensorNames { try writer.write(source.tensor(name), named: name) }
    try writer.write(table, named: "lm_head.weight")
    var configuration = source.configuration
    configuration.set("tie_word_embeddings", false)
    try writer.write(configuration.text(), toFile: "config.json")
    for file in source.otherFiles { try writer.copyFile(file) }
    try writer.finish()
    return output
  }

  private func perplexity(_ checkpoint: URL, in folder: URL) throws -> Double {
    let text = folder.appending(path: "text.txt")
    let all = try String(
      contentsOf: Fixtures.examples.appending(path: "data/evaluation.txt"), encoding: .utf8)
    try String(all.prefix(6000)).write(to: text, atomically: true, encoding: .utf8)
    return try Evaluation(model: checkpoint, sequenceLength: 128).run(onText: text).perplexity
  }

  private func quantize(
    _ model: URL, scheme: String, iterations: Int, to output: URL
  ) throws -> RunReport {
    try oneshot(
      model: model,
      recipe: Recipe(
        "AutoRoundModifier: {scheme: \(scheme), quant_lm_head: true, ignore: [lm_head]}"),
      overrides: OptionOverrides {
        $0.iterations = iterations
        $0.batchSize = 2
        $0.sampleCount = 4
        $0.sequenceLength = 64
      },
      output: output)
  }

  @Test(arguments: ["W4A16", "W8A8", "FP8", "NVFP4"]) func tunesWritesAndReads(scheme: String)
    throws
  {
    try withTemporaryFolder { folder in
      let untied = try untiedModel(in: folder)
      let output = folder.appending(path: "out")
      let report = try quantize(untied, scheme: scheme, iterations: 6, to: output)
      let head = try #require(report.blocks.last)
      #expect(head.name == "lm_head")
      #expect(report.blocks.count == 7)
      #expect(head.finalLoss <= 1.02 * head.rtnLoss)
      let checkpoint = try Checkpoint(opening: output)
      #expect(checkpoint.contains("lm_head.weight_scale"))
      #expect(checkpoint.configuration["quantization_config"]?["ignore"] == [])
      #expect(try checkpoint.tensor("model.embed_tokens.weight").dtype == .bfloat16)
      let findings = Verifier(output, source: untied).run().findings
      #expect(findings.isEmpty, "\(findings)")
      #expect(try perplexity(output, in: folder) < 80)
      let models = try [output, untied].map { try ReadableModel(opening: $0) }
      #expect(try !LogitProgram.haveEqualWeights(models[0], models[1]))
    }
  }

  /// Tuning moves the head towards its logits: more than a percent of the error goes.
  @Test func tuningHelps() throws {
    try withTemporaryFolder { folder in
      let untied = try untiedModel(in: folder)
      let report = try quantize(
        untied, scheme: "W3A16", iterations: 20, to: folder.appending(path: "out"))
      let head = try #require(report.blocks.last)
      #expect(head.finalLoss < 0.99 * head.rtnLoss)
    }
  }

  @Test func aTiedHeadStaysOneTable() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      expectInputError(.unsupported, mentioning: ["lm_head", "embedding"]) {
        try quantize(model, scheme: "W4A16", iterations: 0, to: output)
      }
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }
}
