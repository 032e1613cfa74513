import Checkpoints
import Foundation
import GGUF
import GGUFModels
import JSONText
import TestSupport
import Testing

/// A tiny model of a family and what becomes of it.
struct OutlinedModel: Sendable, CustomTestStringConvertible {
  let folder: String
  let architecture: String
  /// Tensors of the file.
  let tensorCount: Int
  /// Tensors of the source that are not in the file.
  var leftOutCount = 0
  /// What the configuration says otherwise: tiny models of two blocks do not have windows where real ones have them.
  var changes: [String: JSONValue] = [:]
  var isWrapped = false

  var testDescription: String { folder }

  /// Those whose files are read as well.
  static let read = all.filter { !onlyWritten.contains($0.architecture) }

  static let onlyWritten: Set = [
    "bloom", "falcon", "gemma4", "gpt2", "gptneox", "llama4", "nemotron_h", "nemotron_h_moe",
    "stablelm",
  ]

  static let all: [OutlinedModel] = [
    .init(folder: "llama", architecture: "llama", tensorCount: 21),
    .init(folder: "llama3-rope", architecture: "llama", tensorCount: 22),
    .init(folder: "mistral", architecture: "llama", tensorCount: 21),
    .init(folder: "mixtral", architecture: "llama", tensorCount: 23),
    .init(folder: "mistral3", architecture: "mistral3", tensorCount: 21, leftOutCount: 15),
    .init(
      folder: "smollm3", architecture: "smollm3", tensorCount: 20,
      changes: ["no_rope_layers": [1, 1], "no_rope_layer_interval": 4]),
    .init(folder: "granite", architecture: "granite", tensorCount: 20),
    .init(folder: "granitemoe", architecture: "granitemoe", tensorCount: 22),
    .init(folder: "seed_oss", architecture: "seed_oss", tensorCount: 27),
    .init(folder: "ernie4_5", architecture: "ernie4_5", tensorCount: 20),
    .init(folder: "qwen2", architecture: "qwen2", tensorCount: 26),
    .init(folder: "qwen2-yarn", architecture: "qwen2", tensorCount: 27),
    .init(folder: "qwen3", architecture: "qwen3", tensorCount: 25),
    // The second block of the tiny model has no experts, as none of the published ones.
    .init(
      folder: "qwen3-moe", architecture: "qwen3moe", tensorCount: 15, leftOutCount: 11,
      changes: ["num_hidden_layers": 1, "mlp_only_layers": []]),
    .init(folder: "qwen3_5-text", architecture: "qwen35", tensorCount: 27),
    .init(folder: "qwen3_5_moe", architecture: "qwen35moe", tensorCount: 38, leftOutCount: 21),
    .init(
      folder: "gemma2", architecture: "gemma2", tensorCount: 24,
      changes: ["query_pre_attn_scalar": 24]),
    .init(
      folder: "gemma3", architecture: "gemma3", tensorCount: 28,
      changes: [
        "query_pre_attn_scalar": 24, "sliding_window_pattern": 6,
        "layer_types": ["sliding_attention", "sliding_attention"],
      ]),
    .init(
      folder: "gemma3-vlm", architecture: "gemma3", tensorCount: 28, leftOutCount: 34,
      changes: [
        "query_pre_attn_scalar": 12, "sliding_window_pattern": 6,
        "layer_types": ["sliding_attention", "sliding_attention"],
      ], isWrapped: true),
    .init(folder: "phi3", architecture: "phi3", tensorCount: 15),
    .init(folder: "olmo2", architecture: "olmo2", tensorCount: 25),
    .init(
      folder: "olmo3", architecture: "olmo2", tensorCount: 25,
      changes: ["layer_types": ["sliding_attention", "sliding_attention"]]),
    .init(
      folder: "exaone4", architecture: "exaone4", tensorCount: 25,
      changes: [
        "layer_types": ["full_attention", "full_attention"], "sliding_window": nil,
        "sliding_window_pattern": nil,
      ]),
    .init(folder: "glm4", architecture: "glm4", tensorCount: 29),
    .init(
      folder: "cohere2", architecture: "cohere2", tensorCount: 18,
      changes: ["layer_types": ["sliding_attention", "sliding_attention"]]),
    .init(folder: "starcoder2", architecture: "starcoder2", tensorCount: 35),
    .init(folder: "hunyuan_v1_dense", architecture: "hunyuan-dense", tensorCount: 24),
    .init(folder: "nemotron", architecture: "nemotron", tensorCount: 24),
    .init(
      folder: "olmoe", architecture: "olmoe", tensorCount: 27, changes: ["clip_qkv": nil]),
    .init(folder: "gpt_oss", architecture: "gpt-oss", tensorCount: 41),
    .init(folder: "ernie4_5_moe", architecture: "ernie4_5-moe", tensorCount: 25),
    .init(folder: "glm4_moe", architecture: "glm4moe", tensorCount: 36),
    .init(folder: "minimax_m2", architecture: "minimax-m2", tensorCount: 29),
    .init(
      folder: "deepseek_v2", architecture: "deepseek2", tensorCount: 31,
      changes: ["topk_method": "greedy"]),
    .init(folder: "deepseek_v3", architecture: "deepseek2", tensorCount: 32, leftOutCount: 5),
    .init(folder: "deepseek_v3-noqlora", architecture: "deepseek2", tensorCount: 33),
    .init(folder: "glm4_moe_lite", architecture: "deepseek2", tensorCount: 32),
    .init(
      folder: "qwen3_next", architecture: "qwen3next", tensorCount: 20, leftOutCount: 11,
      changes: [
        "num_hidden_layers": 1, "layer_types": ["linear_attention"], "mlp_only_layers": [],
      ]),
    .init(folder: "hunyuan_v1_moe", architecture: "hunyuan-moe", tensorCount: 32),
    .init(folder: "qwen2_5_vl", architecture: "qwen2vl", tensorCount: 27, leftOutCount: 18),
    .init(folder: "qwen3_vl", architecture: "qwen3vl", tensorCount: 24, leftOutCount: 27),
    .init(
      folder: "qwen3_vl_moe", architecture: "qwen3vlmoe", tensorCount: 15, leftOutCount: 38,
      changes: ["num_hidden_layers": 1, "mlp_only_layers": []], isWrapped: true),
    .init(folder: "lfm2", architecture: "lfm2", tensorCount: 21),
    .init(folder: "lfm2_moe", architecture: "lfm2moe", tensorCount: 23),
    .init(folder: "gpt2", architecture: "gpt2", tensorCount: 28),
    .init(folder: "gpt_neox", architecture: "gptneox", tensorCount: 28),
    .init(folder: "bloom", architecture: "bloom", tensorCount: 29),
    .init(folder: "falcon", architecture: "falcon", tensorCount: 19),
    .init(folder: "stablelm", architecture: "stablelm", tensorCount: 36),
    .init(folder: "gemma4", architecture: "gemma4", tensorCount: 68),
    .init(
      folder: "gemma4-moe", architecture: "gemma4", tensorCount: 48, leftOutCount: 16,
      isWrapped: true),
    .init(
      folder: "llama4", architecture: "llama4", tensorCount: 25, leftOutCount: 26,
      changes: [
        "attention_chunk_size": 8192, "floor_scale": 8192, "attn_scale": 0.1,
        "no_rope_layers": [1, 1], "layer_types": ["chunked_attention", "chunked_attention"],
      ], isWrapped: true),
    .init(
      folder: "nemotron_h", architecture: "nemotron_h_moe", tensorCount: 24, leftOutCount: 3,
      changes: [
        "num_hidden_layers": 3, "layers_block_type": ["linear_attention", "moe", "full_attention"],
        "hybrid_override_pattern": "ME*",
      ]),
  ]

  static func named(_ folder: String) throws -> OutlinedModel {
    try #require(all.first { $0.folder == folder })
  }

  var checkpoint: Checkpoint {
    get throws { try Checkpoint(opening: Fixtures.folder.appending(path: "models/\(folder)")) }
  }

  /// - Parameter file: The configuration as transformers 5 writes it, or as it is published.
  func configuration(_ file: String = "config.json") throws -> JSONValue {
    let url = Fixtures.folder.appending(path: "models/\(folder)/\(file)")
    var value = try JSONValue.parse(contentsOf: url)
    var text = isWrapped ? try #require(value["text_config"]) : value
    for (key, change) in changes where text[key] != nil || key != "layer_types" {
      text.set(key, change)
    }
    guard isWrapped else { return text }
    value.set("text_config", text)
    return value
  }

  func outline(
    _ file: String = "config.json", changing change: (inout JSONValue) -> Void = { _ in }
  ) throws -> GGUFModelOutline {
    let checkpoint = try checkpoint
    var configuration = try configuration(file)
    change(&configuration)
    return try GGUFModelOutline(
      of: configuration, tensors: checkpoint.tensorNames.compactMap(checkpoint.info),
      name: "tiny", tokenizer: nil)
  }
}

/// What the package `gguf` 0.19 knows.
struct KnownNames {
  let keys: Set<String>
  /// Names of tensors, with a star for the block, by architecture.
  let tensors: [String: Set<String>]
  /// What its converter calls the tensors of tiny models, by model; of experts those of the first.
  let mapped: [String: [String: String]]

  init() throws {
    let file = Fixtures.folder.appending(path: "formats/gguf/names.json")
    let value = try JSONValue.parse(contentsOf: file)
    keys = Set(try #require(value["keys"]?.arrayValue).compactMap(\.stringValue))
    tensors = Dictionary(
      uniqueKeysWithValues: try #require(value["tensors"]?.objectValue).map { member in
        (member.key, Set((member.value.arrayValue ?? []).compactMap(\.stringValue)))
      })
    mapped = Dictionary(
      uniqueKeysWithValues: try #require(value["mapped"]?.objectValue).map { model in
        let names = (model.value.objectValue ?? []).map { ($0.key, $0.value.stringValue ?? "") }
        return (model.key, Dictionary(uniqueKeysWithValues: names))
      })
  }
}
