import AutoRound
import Foundation
import TestSupport
import Testing

/// Whole runs on the tiny models of families beside Llama's: what is written is sound, and computes with its source's
/// numbers but for what rounding costs.
@Suite struct FamilyRunTests {
  private func run(_ model: String, scheme: String, in folder: URL) throws -> RunReport {
    let source = folder.appending(path: model)
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "models/\(model)/\(name)"),
        to: source.appending(path: name))
    }
    // Nobody asks it for anything: calibration is in token ids.
    try FileManager.default.copyItem(
      at: Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"),
      to: source.appending(path: "tokenizer.json"))
    let file = folder.appending(path: "ids.jsonl")
    let records = (0..<6).map { sample in
      "{\"input_ids\": \((0..<24).map { ($0 * $0 + 31 * sample) % 96 })}\n"
    }
    try records.joined().write(to: file, atomically: true, encoding: .utf8)
    let options = try ResolvedOptions(
      overrides: OptionOverrides(scheme: scheme) {
        $0.iterations = 2
        $0.sampleCount = 4
        $0.sequenceLength = 24
        $0.groupSize = scheme == "W4A16" ? 16 : nil
      })
    var job = QuantizationJob(
      model: source, modifier: AutoRoundModifier(options), output: folder.appending(path: "out"))
    job.compute = .float32
    job.reporting.heldOutTokenCount = 48
    job.dataset = try CalibrationSource(file: file)
    return try job.run()
  }

  /// Those whose experts are of 20 or 24 channels, which groups of 16 do not divide.
  private static let withNarrowExperts = [
    "deepseek_v2", "deepseek_v3", "deepseek_v3-noqlora", "deepseek_v32", "ernie4_5_moe", "glm4_moe",
    "glm4_moe_lite",
    "hunyuan_v1_moe", "kimi_linear", "minimax_m2", "olmoe",
  ]

  @Test(
    arguments: [
      "bloom", "cohere2", "deepseek_v2", "deepseek_v3", "deepseek_v3-noqlora", "deepseek_v32",
      "ernie4_5", "ernie4_5_moe", "exaone4", "falcon", "falcon_h1", "gemma2",
      "gemma3", "gemma4", "glm4", "glm4_moe", "glm4_moe_lite", "gpt_neox", "granite",
      "hunyuan_v1_dense",
      "hunyuan_v1_moe",
      "kimi_linear", "lfm2", "minimax_m2", "mixtral", "nemotron", "olmo2", "olmo3", "olmoe", "opt",
      "phi3",
      "qwen2-yarn", "qwen3-moe", "qwen3_5-text", "smollm3", "stablelm", "starcoder2",
    ], ["W4A16", "NVFP4"])
  func whatIsWrittenIsSound(model: String, scheme: String) throws {
    try withTemporaryFolder { folder in
      let report = try run(model, scheme: scheme, in: folder)
      #expect(report.blocks.count == (model == "gemma4" ? 4 : 2))
      let findings = try #require(report.verification).findings.map(\.message)
      #expect(findings.count == (Self.withNarrowExperts.contains(model) ? 1 : 0), "\(findings)")
      #expect(findings.isEmpty || findings[0].contains("vLLM needs whole groups"), "\(findings)")
      let comparison = try #require(report.quality?.comparison)
      #expect(comparison.klDivergenceMean < 0.5, "\(comparison.klDivergenceMean)")
    }
  }

  /// Weights with a row for each input are computed with; what would be written for them nobody reads.
  @Test func transposedWeightsAreRefused() throws {
    _ = try withTemporaryFolder { folder in
      expectInputError(.unsupported, mentioning: ["transformer.h.0.attn.c_attn.weight", "row"]) {
        _ = try run("gpt2", scheme: "W4A16", in: folder)
      }
    }
  }
}
