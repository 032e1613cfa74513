import Checkpoints
import Diagnostics
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Tensors

/// Writes a checkpoint with the shape of a known model and random weights, to measure with where the model
/// itself is not at hand.
///
///     random-model llama-3-8b|CONFIG.JSON FOLDER [SAMPLES TOKENS]
///
/// With the model come random token ids for calibration, `FOLDER/calibration.jsonl`. Its tokenizer is that of
/// the example model, whose ids are all in the vocabulary. Where `model.safetensors` lies beside the configuration, the
/// tensors in it that are no part of a `language_model` are copied: what sees.

/// The configuration of a model of the Llama family.
func llama(_ hidden: Int, _ intermediate: Int, _ blocks: Int) -> JSONValue {
  [
    "architectures": ["LlamaForCausalLM"], "model_type": "llama",
    "hidden_size": JSONValue(hidden), "intermediate_size": JSONValue(intermediate),
    "num_hidden_layers": JSONValue(blocks), "num_attention_heads": 32, "num_key_value_heads": 8,
    "vocab_size": 128_256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5,
    "rope_theta": 500_000, "hidden_act": "silu", "attention_bias": false,
    "tie_word_embeddings": false, "torch_dtype": "bfloat16",
  ]
}

/// SplitMix64.
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Writes a tensor's elements: ones for a norm, else numbers in bf16 with magnitudes from 1/128 to 1/32.
func write(_ tensor: TensorInfo, to file: OutputFile, at offset: Int, _ generator: inout Generator)
  throws
{
  let byteCount = tensor.shape.reduce(2, *)
  var words = [UInt64](repeating: 0x3F80_3F80_3F80_3F80, count: 1 << 17)
  for start in stride(from: 0, to: byteCount, by: words.count * 8) {
    if tensor.shape.count > 1 {
      for index in words.indices {
        words[index] = generator.next() & 0x80FF_80FF_80FF_80FF | 0x3C00_3C00_3C00_3C00
      }
    }
    try words.withUnsafeBytes {
      try file.write(
        UnsafeRawBufferPointer(rebasing: $0.prefix(byteCount - start)), at: offset + start)
    }
  }
}

/// Writes a model.
///
/// - Parameter neighbour: A checkpoint of which that is copied which does not read text.
func makeModel(
  _ configuration: JSONValue, copying neighbour: Checkpoint?, in folder: URL, samples: Int,
  tokens: Int
) throws {
  let manager = FileManager.default
  try manager.createDirectory(at: folder, withIntermediateDirectories: true)
  let model = try Architectures.describe(JSONReader(configuration))
  let own = model.tensors(dtype: .bfloat16)
  let names = Set(own.map(\.name))
  let copied = (neighbour?.tensorNames ?? []).filter {
    !names.contains($0) && !$0.contains("language_model.")
  }
  let plan = try CheckpointPlan(own + copied.compactMap { neighbour?.info($0) })
  var generator = Generator(state: 1)
  for shard in plan.shards {
    let file = try OutputFile(
      creating: folder.appending(path: shard.fileName).path, byteCount: shard.byteCount)
    try file.write(shard.encodedHeader, at: 0)
    for entry in shard.entries {
      if let neighbour, copied.contains(entry.info.name) {
        try neighbour.tensor(entry.info.name).withUnsafeBytes {
          try file.write($0, at: entry.byteRange.lowerBound)
        }
        continue
      }
      try write(entry.info, to: file, at: entry.byteRange.lowerBound, &generator)
    }
    try file.synchronize()
  }
  func writeText(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }
  if let index = plan.index { try writeText(index.text, ShardIndex.fileName) }
  try writeText(configuration.text(indentation: 2), "config.json")
  for name in ["tokenizer.json", "tokenizer_config.json"] {
    try manager.copyItem(
      at: URL(filePath: "Examples/books-llama-6m/\(name)"), to: folder.appending(path: name))
  }
  let lines = (0..<samples).map { _ in
    let ids = (0..<tokens).map { _ in
      "\(Int.random(in: 0..<model.vocabularySize, using: &generator))"
    }
    return "{\"input_ids\":[\(ids.joined(separator: ","))]}\n"
  }
  try writeText(lines.joined(), "calibration.jsonl")
}

let known = ["llama-3-8b": llama(4096, 14336, 32), "llama-3.2-1b": llama(2048, 8192, 16)]
let arguments = CommandLine.arguments
let sizes = arguments.dropFirst(3).compactMap { Int($0) }
guard arguments.count > 2, sizes.count == arguments.count - 3 else {
  print(
    "usage: random-model \(known.keys.sorted().joined(separator: "|"))|CONFIG.JSON FOLDER [SAMPLES TOKENS]"
  )
  exit(64)
}
do {
  let file = URL(filePath: arguments[1])
  let beside = file.deletingLastPathComponent()
  let hasTensors = FileManager.default.fileExists(
    atPath: beside.appending(path: "model.safetensors").path)
  try makeModel(
    known[arguments[1]] ?? JSONValue.parse(contentsOf: file),
    copying: hasTensors ? Checkpoint(opening: beside) : nil, in: URL(filePath: arguments[2]),
    samples: sizes.first ?? 32,
    tokens: sizes.dropFirst().first ?? 512)
} catch {
  print("error: \(error)")
  exit(1)
}
