import AutoRound
import Foundation
import TestSupport
import Testing

/// Whole runs on the tiny models of families beside Llama's: what is written is sound, and computes with its source's
/// numbers but for what rounding costs.
@Suite struct FamilyRunTests {
  /// Those whose experts are of 20 or 24 channels, which groups of 16 do not divide.
  private static let withNarrowExperts = [
    "deepseek_v2", "deepseek_v3", "deepseek_v3-noqlora", "deepseek_v32", "ernie4_5_moe",
    "gemma4-moe", "glm4_moe", "glm4_moe_lite", "granitemoe", "granitemoehybrid", "hunyuan_v1_moe",
    "kimi_linear", "lfm2_moe", "llama4", "minimax_m2", "nemotron_h", "olmoe", "qwen2_moe",
    "qwen3_5_moe",
    "qwen3_next", "qwen3_vl_moe",
  ]

  @Test(
    arguments: [
      "bloom", "cohere2", "deepseek_v2", "deepseek_v3", "deepseek_v3-noqlora", "deepseek_v32",
      "ernie4_5", "ernie4_5_moe", "exaone4", "falcon", "falcon_h1", "gemma2", "gemma3",
      "gemma3-vlm", "gemma4", "gemma4-moe", "glm4", "glm4_moe", "glm4_moe_lite", "gpt2", "gpt_neox",
      "gpt_oss", "granite", "granitemoe", "granitemoehybrid", "hunyuan_v1_dense", "hunyuan_v1_moe",
      "kimi_linear", "lfm2", "lfm2_moe", "llama4", "llava", "minimax_m2", "mistral3", "mixtral",
      "nemotron", "nemotron_h", "olmo2", "olmo3", "olmoe", "opt", "phi3", "qwen2-yarn",
      "qwen2_5_vl", "qwen2_moe", "qwen3-moe", "qwen3_5", "qwen3_5-text", "qwen3_5_moe",
      "qwen3_next", "qwen3_vl",
      "qwen3_vl_moe", "smollm3", "stablelm", "starcoder2",
    ], ["W4A16", "NVFP4"])
  func whatIsWrittenIsSound(model: String, scheme: String) throws {
    try withTemporaryFolder { folder in
      let report = try FamilyRun(model, scheme: scheme, in: folder).job.run()
      #expect(report.blocks.count == (["gemma4", "nemotron_h"].contains(model) ? 4 : 2))
      let findings = try #require(report.verification).findings.map(\.message)
      #expect(findings.count == (Self.withNarrowExperts.contains(model) ? 1 : 0), "\(findings)")
      #expect(findings.isEmpty || findings[0].contains("vLLM needs whole groups"), "\(findings)")
      let comparison = try #require(report.quality?.comparison)
      #expect(comparison.klDivergenceMean < 0.5, "\(comparison.klDivergenceMean)")
    }
  }
}
