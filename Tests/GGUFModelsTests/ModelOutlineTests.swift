import Checkpoints
import Diagnostics
import GGUF
import GGUFModels
import JSONText
import Tensors
import TestSupport
import Testing

/// What becomes of the tensors and configurations of models of each architecture.
@Suite struct ModelOutlineTests {
  /// Every number of the source is in the file, or left out by name, once.
  @Test(arguments: OutlinedModel.all)
  func everyTensorHasANameOnce(_ model: OutlinedModel) throws {
    let outline = try model.outline()
    #expect(outline.architecture == model.architecture)
    #expect(outline.tensors.count == model.tensorCount)
    #expect(outline.leftOut.count == model.leftOutCount)
    #expect(Set(outline.tensors.map(\.name)).count == outline.tensors.count)
    let sources = outline.tensors.flatMap(\.sources)
    #expect(Set(sources).count == sources.count)

    let checkpoint = try model.checkpoint
    let infos = checkpoint.tensorNames.compactMap(checkpoint.info)
    let left = Set(outline.leftOut)
    let expected = infos.filter { !left.contains($0.name) }.reduce(0) { $0 + $1.count }
    let written = outline.tensors.filter { !$0.sources.isEmpty }
      .reduce(0) { $0 + $1.shape.reduce(1, *) }
    #expect(written == expected)
    #expect(expected > 0)
  }

  @Test(arguments: OutlinedModel.all)
  func namesAreThoseOfTheRuntime(_ model: OutlinedModel) throws {
    let known = try KnownNames()
    let tensors = try #require(known.tensors[model.architecture])
    let outline = try model.outline()
    for tensor in outline.tensors {
      let parts = tensor.name.split(separator: ".").map(String.init)
      let name = parts[0] == "blk" ? (["blk", "*"] + parts[2...]) : parts
      let base = ["weight", "bias", "scale"].contains(name.last) ? name.dropLast() : name[...]
      #expect(tensors.contains(base.joined(separator: ".")), "\(tensor.name)")
    }
    var count = 0
    for entry in outline.metadata.entries {
      let key =
        entry.key.hasPrefix("general.")
        ? entry.key : "*" + entry.key.dropFirst(model.architecture.count)
      #expect(known.keys.contains(key), "\(entry.key)")
      count += 1
    }
    #expect(count > 12)
  }

  @Test func namesAreThoseThatTheConverterGives() throws {
    let known = try KnownNames()
    var (modelCount, tensorCount) = (0, 0)
    for model in OutlinedModel.all {
      guard let mapped = known.mapped[model.folder] else { continue }
      let outline = try model.outline()
      for tensor in outline.tensors {
        guard let source = tensor.sources.first, let name = mapped[source] else { continue }
        #expect(tensor.name == name, "\(source)")
        tensorCount += 1
      }
      modelCount += 1
    }
    #expect(modelCount == 33)
    #expect(tensorCount > 600)
  }

  /// Configurations as they are published, and as transformers 5 writes them, say the same.
  @Test(arguments: OutlinedModel.all)
  func bothSpellingsOfAConfigurationSayTheSame(_ model: OutlinedModel) throws {
    let (written, published) = (
      try model.outline(), try model.outline("config_hub.json")
    )
    #expect(written.metadata == published.metadata)
    #expect(written.tensors == published.tensors)
  }

  @Test func aModelThatTheRuntimeDoesNotKnowIsRefused() throws {
    let model = OutlinedModel(folder: "opt", architecture: "", tensorCount: 0)
    expectInputError(.unsupported, mentioning: ["model_type", "'opt'", "llama", "qwen3"]) {
      try model.outline()
    }
  }

  /// What a model computes otherwise than its architecture there.
  @Test func aModelThatTheRuntimeWouldComputeOtherwiseIsRefused() throws {
    func refuse(_ folder: String, _ change: [String: JSONValue], mentioning words: [String]) throws
    {
      let model = try OutlinedModel.named(folder)
      expectInputError(.unsupported, mentioning: words) {
        try model.outline { for (key, value) in change { $0.set(key, value) } }
      }
    }
    try refuse("gemma2", ["query_pre_attn_scalar": 16], mentioning: ["scale of scores", "gemma2"])
    try refuse("smollm3", ["no_rope_layers": [1, 0]], mentioning: ["every 4th", "smollm3"])
    try refuse(
      "gemma3", ["layer_types": ["sliding_attention", "full_attention"]],
      mentioning: ["layer_types", "every 6th"])
    try refuse(
      "exaone4", ["layer_types": ["sliding_attention", "sliding_attention"], "sliding_window": 6],
      mentioning: ["2 blocks with windows"])
    try refuse("bloom", ["bloom_activation": "relu"], mentioning: ["relu", "bloom"])
    try refuse(
      "falcon", ["new_decoder_architecture": false, "parallel_attn": false],
      mentioning: ["one after the other"])
    try refuse("falcon", ["alibi": true], mentioning: ["a slope for each head"])
    try refuse("llama", ["hidden_act": "gelu"], mentioning: ["gelu", "feed-forward"])
    try refuse("olmoe", ["norm_topk_prob": true], mentioning: ["experts", "normalized"])
    try refuse("olmoe", ["clip_qkv": 1], mentioning: ["bounded queries", "olmoe"])
    try refuse(
      "qwen2",
      [
        "rope_parameters": [
          "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
          "original_max_position_embeddings": 32, "rope_theta": 1000,
        ]
      ], mentioning: ["factors", "qwen2"])
  }

  @Test func anIncompleteStackIsRefused() throws {
    let model = try OutlinedModel.named("qwen3-moe")
    let checkpoint = try model.checkpoint
    let infos = checkpoint.tensorNames.compactMap(checkpoint.info)
      .filter { !$0.name.contains("experts.3.up_proj") }
    expectInputError(.malformed, mentioning: ["7 experts", "expected 8"]) {
      try GGUFModelOutline(
        of: try model.configuration(), tensors: infos, name: "tiny", tokenizer: nil)
    }
  }

  @Test func aTensorWithoutANameIsRefused() throws {
    let model = try OutlinedModel.named("llama")
    let checkpoint = try model.checkpoint
    let infos =
      checkpoint.tensorNames.compactMap(checkpoint.info)
      + [TensorInfo(name: "model.layers.1.self_attn.q_norm.weight", dtype: .float32, shape: [16])]
    expectInputError(.unsupported, mentioning: ["q_norm", "llama"]) {
      try GGUFModelOutline(
        of: try model.configuration(), tensors: infos, name: "tiny", tokenizer: nil)
    }
  }
}
