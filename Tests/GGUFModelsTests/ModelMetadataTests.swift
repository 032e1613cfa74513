import Checkpoints
import Diagnostics
import Foundation
import GGUF
import GGUFModels
import JSONText
import LanguageModels
import ModelFamilies
import Tensors
import TestSupport
import Testing

/// Keys that only some architectures have, and numbers that follow from configurations.
@Suite struct ModelMetadataTests {
  private func metadata(_ folder: String) throws -> GGUFMetadata {
    try OutlinedModel.named(folder).outline().metadata
  }

  /// Wavelengths by the formula that Llama 3.1 is published with.
  @Test func factorsOfLlama3FollowFromItsConfiguration() throws {
    let outline = try OutlinedModel.named("llama3-rope").outline()
    let tensor = try #require(outline.tensors.first { $0.name == "rope_freqs.weight" })
    guard case .numbers(let factors) = tensor.content else {
      Issue.record("no numbers")
      return
    }
    let (base, factor, low, high, original) = (1000.0, 8.0, 1.0, 4.0, 96.0)
    #expect(factors.count == 8)
    for (index, found) in factors.enumerated() {
      let wavelength = 2 * Double.pi * pow(base, Double(index) / 8)
      let smooth = (original / wavelength - low) / (high - low)
      let expected =
        wavelength < original / high
        ? 1 : wavelength > original / low ? factor : 1 / ((1 - smooth) / factor + smooth)
      #expect(abs(Double(found) - expected) < 1e-5 * expected)
    }
    #expect(Set(factors).count > 2)
    #expect(outline.metadata["llama.rope.freq_base"] == .float32(1000))
    #expect(outline.metadata["llama.rope.scaling.type"] == nil)
  }

  @Test func scaledAnglesAreSaid() throws {
    let yarn = try metadata("qwen2-yarn")
    #expect(yarn["qwen2.rope.scaling.type"] == .string("yarn"))
    #expect(yarn["qwen2.rope.scaling.factor"] == .float32(4))
    #expect(yarn["qwen2.rope.scaling.original_context_length"] == .uint32(64))
    #expect(yarn["qwen2.rope.freq_base"] == .float32(1000))
    let gemma = try metadata("gemma3-vlm")
    #expect(gemma["gemma3.rope.scaling.type"] == nil)
    #expect(gemma["gemma3.attention.sliding_window"] == .uint32(6))
    let linear = try OutlinedModel.named("llama").outline {
      $0.set("rope_parameters", ["rope_type": "linear", "factor": 4, "rope_theta": 500_000])
    }.metadata
    #expect(linear["llama.rope.scaling.type"] == .string("linear"))
    #expect(linear["llama.rope.scaling.factor"] == .float32(4))
    #expect(linear["llama.rope.freq_base"] == .float32(500_000))
  }

  @Test func longRangesHaveTheirFactors() throws {
    let (short, long): ([JSONValue], [JSONValue]) = (
      [1, 1, 1.5, 2, 2.5, 3], [1, 2, 4, 8, 16, 32]
    )
    let outline = try OutlinedModel.named("phi3").outline {
      $0.set("max_position_embeddings", 256)
      $0.set(
        "rope_parameters",
        [
          "rope_type": "longrope", "rope_theta": 10_000, "partial_rotary_factor": 0.75,
          "original_max_position_embeddings": 64, "short_factor": .array(short),
          "long_factor": .array(long),
        ])
    }
    func numbers(_ name: String) -> [Float]? {
      guard case .numbers(let numbers) = outline.tensors.first(where: { $0.name == name })?.content
      else { return nil }
      return numbers.map { ($0 * 1000).rounded() / 1000 }
    }
    #expect(numbers("rope_factors_short.weight") == [1, 1, 1.5, 2, 2.5, 3])
    #expect(numbers("rope_factors_long.weight") == [1, 2, 4, 8, 16, 32])
    #expect(outline.metadata["phi3.rope.scaling.type"] == .string("longrope"))
    #expect(outline.metadata["phi3.rope.scaling.original_context_length"] == .uint32(64))
    #expect(outline.metadata["phi3.rope.dimension_count"] == .uint32(12))
    #expect(
      outline.metadata["phi3.rope.scaling.attn_factor"]
        == .float32(Float(1 + log(4.0) / log(64.0)).squareRoot()))
  }

  @Test func architecturesHaveKeysOfTheirOwn() throws {
    let granite = try metadata("granite")
    #expect(granite["granite.attention.scale"] == .float32(0.15625))
    #expect(granite["granite.embedding_scale"] == .float32(12))
    #expect(granite["granite.residual_scale"] == .float32(0.22))
    #expect(granite["granite.logit_scale"] == .float32(4))
    let gemma = try metadata("gemma2")
    #expect(gemma["gemma2.attn_logit_softcapping"] == .float32(2))
    #expect(gemma["gemma2.final_logit_softcapping"] == .float32(3))
    #expect(gemma["gemma2.attention.key_length"] == .uint32(24))
    let experts = try metadata("qwen3-moe")
    #expect(experts["qwen3moe.expert_count"] == .uint32(8))
    #expect(experts["qwen3moe.expert_used_count"] == .uint32(2))
    #expect(experts["qwen3moe.expert_feed_forward_length"] == .uint32(32))
    let convolutions = try metadata("lfm2")
    #expect(convolutions["lfm2.attention.head_count_kv"] == .int32s([0, 2]))
    #expect(convolutions["lfm2.shortconv.l_cache"] == .uint32(3))
    #expect(convolutions["lfm2.feed_forward_length"] == .uint32(64))
    let cohere = try metadata("cohere2")
    #expect(cohere["cohere2.attention.layer_norm_epsilon"] != nil)
    #expect(cohere["cohere2.attention.layer_norm_rms_epsilon"] == nil)
    #expect(cohere["cohere2.logit_scale"] == .float32(0.25))
    let hybrid = try metadata("qwen3_5-text")
    #expect(hybrid["qwen35.ssm.time_step_rank"] == .uint32(4))
    #expect(hybrid["qwen35.ssm.inner_size"] == .uint32(48))
    #expect(hybrid["qwen35.full_attention_interval"] == .uint32(2))
    #expect(hybrid["qwen35.rope.dimension_sections"] == .int32s([1, 1, 1, 0]))
  }

  /// Answers of models whose windows the runtime does not have are the same up to the window.
  @Test func missingWindowsAreSaid() throws {
    let remarks = try OutlinedModel.named("mistral").outline().remarks
    #expect(remarks.count == 1)
    #expect(remarks.first?.contains("from 7 tokens on") == true)
    #expect(try OutlinedModel.named("llama").outline().remarks.isEmpty)
  }

  @Test func numbersOfWhatIsNotQuantizedAreAsTheRuntimeHasThem() throws {
    let model = try OutlinedModel.named("gemma2")
    let (outline, checkpoint) = (try model.outline(), try model.checkpoint)
    let norm = try #require(outline.tensors.first { $0.name == "blk.1.post_ffw_norm.weight" })
    let name = "model.layers.1.post_feedforward_layernorm.weight"
    #expect(norm.sources == [name])
    let stored = try checkpoint.tensor(name).floats()
    #expect(try norm.numbers(from: checkpoint) == stored.map { $0 + 1 })
    #expect(stored.count == 64)

    let llama = try OutlinedModel.named("llama")
    let weights = try llama.checkpoint
    let query = try #require(
      try llama.outline().tensors.first { $0.name == "blk.0.attn_q.weight" })
    let rows = try weights.tensor("model.layers.0.self_attn.q_proj.weight").floats()
    let turned = try query.numbers(from: weights)
    #expect(turned.count == 64 * 64)
    #expect(Array(turned[64..<128]) == Array(rows[8 * 64..<9 * 64]))
  }

  @Test func expertsInStacksAreStackedAgain() throws {
    let model = try OutlinedModel.named("gpt_oss")
    let (outline, checkpoint) = (try model.outline(), try model.checkpoint)
    let gates = try #require(outline.tensors.first { $0.name == "blk.0.ffn_gate_exps.weight" })
    #expect(gates.shape == [6, 32, 64])
    #expect(gates.layers.count == 6)
    #expect(gates.layers.last == "model.layers.0.mlp.experts.5.gate_proj")
    let bias = try #require(outline.tensors.first { $0.name == "blk.0.ffn_down_exps.bias" })
    #expect(bias.shape == [6, 64])
    let layers = try Architectures.describe(
      JSONReader(try model.configuration()), shapes: checkpoint.tensorShapes
    ).layerTensors
    let numbers = try gates.numbers(from: LayerwiseSource(checkpoint, layers: layers))
    // Published stacks have a row for each input, and gates and ups take turns.
    let stack = try checkpoint.tensor("model.layers.0.mlp.experts.gate_up_proj").floats()
    #expect(numbers.count == 6 * 32 * 64)
    var count = 0
    for (expert, row, column) in [(0, 0, 0), (3, 7, 40), (5, 31, 63)] {
      #expect(
        numbers[(expert * 32 + row) * 64 + column] == stack[(expert * 64 + column) * 64 + 2 * row])
      count += 1
    }
    #expect(count == 3)
  }
}
