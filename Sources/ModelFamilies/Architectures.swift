import Diagnostics
package import JSONText
package import LanguageModels

/// The families of models that this package computes.
package enum Architectures {
  /// The table. Adding a family adds its file and its line here.
  package static let all: [any Architecture.Type] = [
    Bloom.self,
    Cohere2.self,
    DeepSeekV2.self,
    DeepSeekV3.self,
    DeepSeekV32.self,
    ERNIE45.self,
    ERNIE45MoE.self,
    EXAONE4.self,
    Falcon.self,
    FalconH1.self,
    Gemma2.self,
    Gemma3.self,
    Gemma4.self,
    GLM4.self,
    GLM4MoE.self,
    GLM4MoELite.self,
    GPT2.self,
    GPTNeoX.self,
    GPTOSS.self,
    Granite.self,
    GraniteHybrid.self,
    GraniteMoE.self,
    Hunyuan.self,
    HunyuanMoE.self,
    KimiLinear.self,
    LFM2.self,
    LFM2MoE.self,
    Llama.self,
    Llama4.self,
    MiniMaxM2.self,
    Ministral3.self,
    Mistral.self,
    Mixtral.self,
    Nemotron.self,
    NemotronH.self,
    OLMo2.self,
    OLMo3.self,
    OLMoE.self,
    OPT.self,
    Phi3.self,
    Qwen2.self,
    Qwen2MoE.self,
    Qwen3.self,
    Qwen3MoE.self,
    Qwen3Next.self,
    Qwen3VLMoE.self,
    Qwen35.self,
    Qwen35MoE.self,
    SeedOSS.self,
    SmolLM3.self,
    StableLM.self,
    StarCoder2.self,
    WrappedGemma3.self,
    WrappedGemma4.self,
    WrappedLLaVA.self,
    WrappedLlama4.self,
    WrappedMistral3.self,
    WrappedQwen2.self,
    WrappedQwen3.self,
    WrappedQwen3VLMoE.self,
    WrappedQwen35.self,
    WrappedQwen35MoE.self,
  ]

  /// Every supported `model_type`, sorted.
  package static var modelTypes: [String] { all.flatMap { $0.modelTypes }.sorted() }

  /// Whether the configuration is of a model of a supported family.
  package static func know(_ configuration: JSONReader) -> Bool {
    let modelType = configuration.value["model_type"]?.stringValue ?? ""
    return family(of: modelType)?.knows(configuration) ?? false
  }

  /// The family that a configuration's `model_type` names.
  static func family(of modelType: String) -> (any Architecture.Type)? {
    all.first { $0.modelTypes.contains(modelType) }
  }

  /// Reads the configuration of a model of any supported family.
  ///
  /// - Parameters:
  ///   - shapes: Of the checkpoint's tensors, by name. Names decide what modules are called; none: the names that
  ///     transformers gives.
  ///   - folder: The source of an error about these names, which the configuration is not to blame for.
  package static func describe(
    _ configuration: JSONReader, shapes: [String: [Int]] = [:], folder: String = "checkpoint"
  ) throws -> ModelDescription {
    let reader = try configuration.required("model_type")
    let modelType = try reader.string()
    guard let architecture = family(of: modelType) else {
      throw unsupported(modelType, place: reader.path)
    }
    let model = try architecture.describe(configuration, shapes: shapes)
    return try naming(folder) {
      try model.named(in: Array(shapes.keys), isWrapped: architecture.isWrapped)
    }
  }

  /// The error for a family that is not known, with those that are called alike.
  static func unsupported(_ modelType: String, place: String) -> InputError {
    let nearest = NearestName.suggestions(for: modelType, among: modelTypes)
    return InputError(
      .unsupported, place: place,
      "the architecture \(quoted(modelType)) is not supported"
        + (nearest.isEmpty ? "" : ", near it is \(nearest.joined(separator: ", "))")
        + "; `autoround list models` lists the \(modelTypes.count) that are")
  }
}

extension Architectures {
  /// Where a checkpoint in full precision has the weights and biases of its linear layers: as its family says, or, for one
  /// that is not known, as names and shapes of stacked experts do; of such families no other layers are given.
  ///
  /// - Parameter shapes: Of all tensors, by name.
  package static func layerTensors(
    _ configuration: JSONReader, shapes: [String: [Int]]
  ) -> [LayerTensor] {
    layerTensors(of: try? describe(configuration, shapes: shapes), shapes: shapes)
  }

  /// The same of a model that is described already; nil for one of no known family.
  package static func layerTensors(
    of description: ModelDescription?, shapes: [String: [Int]]
  ) -> [LayerTensor] {
    let layers = description?.layerTensors ?? NamedStacks.layers(shapes)
    return layers.map { layer in
      guard layer.stored.tensor != layer.name, shapes[layer.name] != nil else { return layer }
      var own = layer
      own.stored = StoredMatrix(layer.name)
      return own
    }
  }
}
