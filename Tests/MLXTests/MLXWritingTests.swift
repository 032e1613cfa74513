import Checkpoints
import Diagnostics
import JSONText
import MLX
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// What a copy consists of: stacks of experts, the keys of a configuration, models that mlx-lm does not know.
@Suite struct MLXWritingTests {
  private static let four = QuantizationArguments(bitCount: 4, strategy: .group, groupSize: 32)
  private static let two = QuantizationArguments(
    bitCount: 2, isSymmetric: false, strategy: .group, groupSize: 64)

  private func scheme(_ weights: QuantizationArguments) -> QuantizationScheme {
    QuantizationScheme(targets: ["Linear"], weights: weights)
  }

  /// A model whose layers are matrices of 64 by 64, with a scheme for some.
  private func outline(
    _ layers: [(name: String, weights: QuantizationArguments?)],
    configuration: JSONValue = ["model_type": "llama"], keyValues: KeyValueOutline? = nil
  ) throws -> CheckpointOutline {
    let schemes = layers.compactMap { layer in layer.weights.map { (layer.name, scheme($0)) } }
    return try MLX().outline(
      of: configuration,
      tensors: layers.map {
        TensorInfo(name: "\($0.name).weight", dtype: .bfloat16, shape: [64, 64])
      }, modules: layers.map { ModuleDescription(name: $0.name, shape: [64, 64]) },
      schemes: Dictionary(uniqueKeysWithValues: schemes), keyValues: keyValues)
  }

  private func refusal(
    _ layers: [(name: String, weights: QuantizationArguments?)],
    configuration: JSONValue = ["model_type": "qwen3_moe"]
  ) -> InputError? {
    #expect(throws: InputError.self) { try outline(layers, configuration: configuration) }
  }

  @Test func expertsBecomeStacks() throws {
    let experts = (0..<3).flatMap { expert in
      [
        ("m.mlp.experts.\(expert).up_proj", Self.two), ("m.mlp.experts.\(expert).down_proj", nil),
      ] as [(String, QuantizationArguments?)]
    }
    let outline = try outline(
      [("m.mlp.gate", nil), ("m.q_proj", Self.four), ("m.k_proj", Self.four)] + experts,
      configuration: ["model_type": "qwen3_moe"])
    let found = Dictionary(uniqueKeysWithValues: outline.tensors.map { ($0.name, $0) })
    let stack = "m.mlp.switch_mlp"
    func expect(_ name: String, _ dtype: DType, _ shape: [Int]) {
      #expect(found[name] == TensorInfo(name: name, dtype: dtype, shape: shape))
    }
    expect("\(stack).up_proj.weight", .uint32, [3, 64, 4])
    expect("\(stack).up_proj.scales", .bfloat16, [3, 64, 1])
    expect("\(stack).up_proj.biases", .bfloat16, [3, 64, 1])
    expect("\(stack).down_proj.weight", .bfloat16, [3, 64, 64])
    expect("m.q_proj.weight", .uint32, [64, 8])
    #expect(found.count == 11)
    #expect(
      outline.configuration[MLX.key] == [
        "group_size": 32, "bits": 4, "m.mlp.gate": false,
        "\(stack).up_proj": ["group_size": 64, "bits": 2], "\(stack).down_proj": false,
      ])
  }

  @Test func expertsOfAStackAreAlike() {
    let mixed = refusal([("m.mlp.experts.0.up_proj", Self.two), ("m.mlp.experts.1.up_proj", nil)])
    #expect(mixed?.place == "m.mlp.experts.1.up_proj" && mixed?.code == .unsupported)
    let other = refusal([
      ("m.mlp.experts.0.up_proj", Self.two), ("m.mlp.experts.1.up_proj", Self.four),
    ])
    #expect(other?.place == "m.mlp.experts.1.up_proj")
    let gap = refusal([
      ("m.mlp.experts.0.up_proj", Self.two), ("m.mlp.experts.2.up_proj", Self.two),
    ])
    #expect(gap?.place == "m.mlp.switch_mlp.up_proj.weight")
  }

  @Test func modelsThatMlxLmDoesNotLoadAreRefused() {
    for (name, reason) in [
      ("bloom", "has no class"), ("", "has no class"), ("deepseek_v3", "rounds kv_b_proj anew"),
      ("qwen3_5", "changes convolutions"),
    ] {
      let error = refusal([("a", Self.four)], configuration: ["model_type": .string(name)])
      #expect(error?.code == .unsupported && error?.place == "model_type")
      #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
    }
    let head = refusal([("lm_head", Self.four)], configuration: ["model_type": "gemma2"])
    #expect(head?.place == "lm_head")
    let tied = refusal([("a", Self.four)], configuration: ["model_type": "glm4"])
    #expect(tied?.place == "lm_head")
    let error = #expect(throws: InputError.self) {
      try outline([("a", Self.four)], keyValues: (scheme: Self.four, scales: []))
    }
    #expect(error?.place == "kv_cache_scheme")
  }

  /// Models with images have a configuration and tensors of the part that reads text.
  @Test func wrappedModelsAreDescribedInside() throws {
    let text: JSONValue = [
      "model_type": "gemma3_text", "vocab_size": 96,
      "rope_parameters": ["rope_theta": 5e5, "rope_type": "default"],
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    ]
    let configuration: JSONValue = ["model_type": "gemma3", "text_config": text]
    let layer = "language_model.model.layers.0.mlp.up_proj"
    let outline = try outline(
      [(layer, Self.four), ("vision_tower.proj", nil)], configuration: configuration)
    #expect(outline.configuration["vocab_size"] == 96)
    #expect(outline.configuration["rope_theta"] == nil)
    let written = try #require(outline.configuration["text_config"])
    #expect(written["rope_theta"] == 5e5 && written["rope_scaling"] == .null)
    #expect(written["sliding_window_pattern"] == 2 && written["tie_word_embeddings"] == true)
    #expect(
      outline.configuration[MLX.key]
        == ["group_size": 32, "bits": 4, "vision_tower.proj": false])
    let other = refusal(
      [("model.language_model.layers.0.a", Self.four)], configuration: configuration)
    #expect(other?.place == "model.language_model.layers.0.a" && other?.code == .unsupported)
    let bare = refusal([(layer, Self.four)], configuration: ["model_type": "mistral3"])
    #expect(bare?.place == "text_config" && bare?.code == .malformed)
    let irregular = try self.outline(
      [("a", Self.four)],
      configuration: [
        "model_type": "gemma3_text",
        "layer_types": ["sliding_attention", "full_attention", "full_attention"],
      ])
    #expect(irregular.configuration["sliding_window_pattern"] == nil)
  }

  /// Keys without which classes of mlx-lm are not made, and that transformers leaves out where it can do without.
  @Test func whatClassesAskForIsThere() throws {
    func written(_ modelType: String, _ others: [JSONValue.Member]) throws -> JSONValue {
      try outline(
        [("a", Self.four)],
        configuration: .object([.init("model_type", .string(modelType))] + others)
      ).configuration
    }
    let sizes: [JSONValue.Member] = [
      .init("hidden_size", 64), .init("num_attention_heads", 4),
      .init("layer_types", ["sliding_attention", "sliding_attention", "full_attention"]),
    ]
    let exaone = try written("exaone4", sizes)
    #expect(exaone["head_dim"] == 16 && exaone["sliding_window_pattern"] == "LLG")
    #expect(exaone["sliding_window"] == .null)
    #expect(try written("cohere2", sizes)["sliding_window_pattern"] == 3)
    #expect(try written("llama", sizes)["sliding_window_pattern"] == nil)
    #expect(try written("lfm2", sizes)["block_dim"] == 64)
    let minimax = try written(
      "minimax_m2",
      sizes + [.init("rope_parameters", ["rope_theta": 1e4, "partial_rotary_factor": 0.5])])
    #expect(minimax["rotary_dim"] == 8 && minimax["shared_intermediate_size"] == 0)
    let given = try written("minimax_m2", sizes + [.init("rotary_dim", 4)])
    #expect(given["rotary_dim"] == 4)
    let bounded = refusal(
      [("a", Self.four)], configuration: ["model_type": "olmoe", "clip_qkv": 8.0])
    #expect(bounded?.place == "clip_qkv" && bounded?.code == .unsupported)
  }

  @Test func rotaryEmbeddingsAreWhereClassesLookForThem() throws {
    func written(_ rotary: JSONValue, _ others: [JSONValue.Member] = []) throws -> JSONValue {
      try outline(
        [("a", Self.four)],
        configuration: .object(
          [.init("model_type", "llama"), .init("rope_parameters", rotary)] + others)
      ).configuration
    }
    let plain = try written(["rope_theta": 5e5, "rope_type": "default"])
    #expect(plain["rope_theta"] == 5e5 && plain["rope_scaling"] == .null)
    let scaled = try written([
      "rope_theta": 1e4, "rope_type": "llama3", "factor": 8, "partial_rotary_factor": 0.5,
    ])
    #expect(scaled["partial_rotary_factor"] == 0.5)
    #expect(
      scaled["rope_scaling"] == [
        "rope_type": "llama3", "factor": 8, "partial_rotary_factor": 0.5, "type": "llama3",
      ])
    let counted = try outline(
      [("a", Self.four)], configuration: ["model_type": "qwen3_moe", "num_local_experts": 4]
    ).configuration
    #expect(counted["num_experts"] == 4)
    let typed = try written([
      "full_attention": ["rope_theta": 1e6, "rope_type": "default"],
      "sliding_attention": ["rope_theta": 1e4, "rope_type": "default"],
    ])
    #expect(typed["rope_theta"] == 1e6 && typed["rope_local_base_freq"] == 1e4)
    let own = try written(
      ["rope_theta": 1e4, "rope_type": "default"], [.init("rope_theta", 7)])
    #expect(own["rope_theta"] == 7)
    #expect(plain["tie_word_embeddings"] == true)
    let headed = try outline([("a", Self.four), ("lm_head", nil)]).configuration
    #expect(headed["tie_word_embeddings"] == false)
  }
}
