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
    Granite.self,
    GraniteHybrid.self,
    Hunyuan.self,
    HunyuanMoE.self,
    KimiLinear.self,
    LFM2.self,
    Llama.self,
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
    Qwen3.self,
    Qwen3MoE.self,
    Qwen35.self,
    SeedOSS.self,
    SmolLM3.self,
    StableLM.self,
    StarCoder2.self,
  ]

  /// Every supported `model_type`, sorted.
  package static var modelTypes: [String] { all.flatMap { $0.modelTypes }.sorted() }

  /// Whether the configuration is of a model of a supported family.
  package static func know(_ configuration: JSONReader) -> Bool {
    let modelType = configuration.value["model_type"]?.stringValue ?? ""
    return family(of: modelType)?.knows(configuration) ?? false
  }

  private static func family(of modelType: String) -> (any Architecture.Type)? {
    all.first { $0.modelTypes.contains(modelType) }
  }

  /// Reads the configuration of a model of any supported family.
  package static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let modelType = try configuration.required("model_type").string()
    guard let architecture = family(of: modelType) else {
      throw InputError(
        .unsupported, place: "model_type",
        "the architecture \(quoted(modelType)) is not supported; supported are \(modelTypes.joined(separator: ", "))"
      )
    }
    return try architecture.describe(configuration)
  }
}
