import Diagnostics
import Foundation
import GGUF
import GGUFModels
import TestSupport
import Testing

/// Files whose header is sound, and whose keys or tensors are no model: one error names the file and the key or the tensor.
@Suite struct HostileModelTests {
  private func refuse(
    _ code: InputError.Code, of folder: String = "llama", mentioning words: [String],
    without left: Set<String> = [], _ change: (inout GGUFMetadata) -> Void = { _ in }
  ) throws {
    try withTemporaryFolder { temporary in
      let url = temporary.appending(path: "model.gguf")
      try OutlinedModel.named(folder).write(to: url, without: left, changing: change)
      expectInputError(code, mentioning: ["model.gguf"] + words) { try GGUFModel(opening: url) }
    }
  }

  @Test func missingKeys() throws {
    for key in ["block_count", "embedding_length", "attention.head_count", "context_length"] {
      try refuse(.missing, mentioning: [key]) {
        $0["llama.\(key)"] = nil
      }
    }
    try refuse(.missing, mentioning: ["general.architecture"]) { $0["general.architecture"] = nil }
    try refuse(.missing, of: "qwen2-yarn", mentioning: ["rope.scaling.factor"]) {
      $0["qwen2.rope.scaling.factor"] = nil
    }
  }

  @Test func lyingKeys() throws {
    try refuse(.missing, mentioning: ["blk.2.attn_norm.weight"]) {
      $0["llama.block_count"] = .uint32(3)
    }
    try refuse(.unsupported, mentioning: ["blk.1."]) { $0["llama.block_count"] = .uint32(1) }
    try refuse(.malformed, mentioning: ["shape", "[64, 96]"]) {
      $0["llama.feed_forward_length"] = .uint32(97)
    }
    try refuse(.invalidValue, mentioning: ["llama.vocab_size", "257", "256"]) {
      $0["llama.vocab_size"] = .uint32(257)
    }
    try refuse(.invalidValue, mentioning: ["attention.value_length"]) {
      $0["llama.attention.value_length"] = .uint32(8)
    }
    try refuse(.invalidValue, mentioning: ["rope.dimension_count"]) {
      $0["llama.rope.dimension_count"] = .uint32(18)
    }
    try refuse(.invalidValue, mentioning: ["freq_base"]) {
      $0["llama.rope.freq_base"] = .float32(0)
    }
    try refuse(.invalidValue, mentioning: ["freq_base"]) {
      $0["llama.rope.freq_base"] = .float32(.nan)
    }
    try refuse(.invalidValue, mentioning: ["scaling.type", "'spiral'"]) {
      $0["llama.rope.scaling.type"] = .string("spiral")
    }
    try refuse(.malformed, of: "qwen3-moe", mentioning: ["ffn_", "[8, ", "[9, "]) {
      $0["qwen3moe.expert_count"] = .uint32(9)
    }
  }

  @Test func unknownNames() throws {
    try refuse(.unsupported, mentioning: ["general.architecture", "'mamba9'", "qwen3moe"]) {
      $0["general.architecture"] = .string("mamba9")
    }
    try refuse(.unsupported, mentioning: ["'llama.attention.clamp_kqv'", "lost"]) {
      $0["llama.attention.clamp_kqv"] = .float32(8)
    }
    // What others write that means the same as nothing is no reason to refuse a file.
    try withTemporaryFolder { temporary in
      let url = temporary.appending(path: "model.gguf")
      try OutlinedModel.named("llama").write(to: url) {
        $0["llama.rope.scaling.type"] = .string("none")
        $0["llama.attention.causal"] = .bool(true)
        $0["llama.expert_count"] = .uint32(0)
        $0["general.license"] = .string("mit")
      }
      _ = try GGUFModel(opening: url)
    }
  }

  /// Keys that other architectures have: refused where they would change numbers, and not where the model has no part that
  /// they speak of.
  @Test func keysOfOtherArchitectures() throws {
    let lost: [(key: String, value: Float)] = [
      ("attn_logit_softcapping", 50), ("final_logit_softcapping", 30),
      ("attention.temperature_scale", 0.1),
    ]
    for (key, value) in lost {
      try refuse(.unsupported, mentioning: ["'llama.\(key)'", "lost"]) {
        $0["llama.\(key)"] = .float32(value)
      }
    }
    try withTemporaryFolder { temporary in
      let url = temporary.appending(path: "model.gguf")
      try OutlinedModel.named("llama").write(to: url) {
        $0["llama.final_logit_softcapping"] = .float32(0)
        $0["llama.attention.sliding_window"] = .uint32(4096)
        $0["llama.expert_gating_func"] = .uint32(1)
        $0["llama.ssm.conv_kernel"] = .uint32(4)
      }
      _ = try GGUFModel(opening: url)
    }
  }

  @Test func tensorsThatAreNotThere() throws {
    try refuse(.missing, mentioning: ["blk.1.ffn_up.weight"], without: ["blk.1.ffn_up.weight"])
    try refuse(.missing, mentioning: ["token_embd.weight"], without: ["token_embd.weight"])
    try refuse(
      .missing, of: "qwen3", mentioning: ["attn_q_norm"], without: ["blk.0.attn_q_norm.weight"])
  }

  /// Any key with any other value: an error, or a model, and never the end of the process.
  @Test(arguments: ["llama3-rope", "qwen3_5-text", "deepseek_v3", "lfm2", "gemma3", "qwen2-yarn"])
  func anyValueOfAnyKey(_ folder: String) throws {
    let values: [GGUFValue] = [
      .uint32(0), .uint32(1), .uint32(.max), .int64(-1), .uint64(.max), .float32(.nan),
      .float32(-1e30), .float64(1e300), .string(""), .bool(false), .int32s([]),
      .int32s([.max, .min]), .strings(["x"]), .array(.bools([true])),
    ]
    let model = try OutlinedModel.named(folder)
    let outline = try model.outline()
    let source = try model.layers(model.checkpoint)
    try withTemporaryFolder { temporary in
      let url = temporary.appending(path: "model.gguf")
      try outline.tensors.write(from: source, outline.metadata, to: url)
      let header = try GGUFFile(opening: url).header
      let data = try Data(contentsOf: url).dropFirst(header.encoded.count)
      var (refused, read) = (0, 0)
      for entry in outline.metadata.entries {
        for value in values.map(Optional.some) + [nil] {
          var metadata = outline.metadata
          metadata[entry.key] = value
          let changed = try GGUFHeader(layingOut: header.entries.map(\.info), metadata: metadata)
          try (Data(changed.encoded) + data).write(to: url)
          do {
            _ = try GGUFModel(opening: url)
            read += 1
          } catch let error as InputError {
            #expect(error.source?.hasSuffix("model.gguf") == true, "\(entry.key): \(error)")
            refused += 1
          }
        }
      }
      #expect(refused > 100)
      #expect(read > 5)
    }
  }
}
