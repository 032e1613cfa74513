import AutoRound
import Foundation
import TestSupport
import Testing

/// Whole runs on the tiny models of families beside Llama's: what is written is sound, and computes with its source's
/// numbers but for what rounding costs.
@Suite struct FamilyRunTests {
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
      "gemma3", "gemma3-vlm", "gemma4", "glm4", "glm4_moe", "glm4_moe_lite", "gpt2", "gpt_neox",
      "granite", "hunyuan_v1_dense",
      "hunyuan_v1_moe",
      "kimi_linear", "lfm2", "llava", "minimax_m2", "mistral3", "mixtral", "nemotron", "olmo2",
      "olmo3", "olmoe", "opt", "phi3",
      "qwen2-yarn", "qwen2_5_vl", "qwen3-moe", "qwen3_5", "qwen3_5-text", "qwen3_vl", "smollm3",
      "stablelm", "starcoder2",
    ], ["W4A16", "NVFP4"])
  func whatIsWrittenIsSound(model: String, scheme: String) throws {
    try withTemporaryFolder { folder in
      let report = try FamilyRun(model, scheme: scheme, in: folder).job.run()
      #expect(report.blocks.count == (model == "gemma4" ? 4 : 2))
      let findings = try #require(report.verification).findings.map(\.message)
      #expect(findings.count == (Self.withNarrowExperts.contains(model) ? 1 : 0), "\(findings)")
      #expect(findings.isEmpty || findings[0].contains("vLLM needs whole groups"), "\(findings)")
      let comparison = try #require(report.quality?.comparison)
      #expect(comparison.klDivergenceMean < 0.5, "\(comparison.klDivergenceMean)")
    }
  }
}
