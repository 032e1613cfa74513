import Diagnostics
import GGUF
import JSONText
import LanguageModels

extension GGUFArchitectures {
  /// Llama, and what is computed like it but for factors and blocks without positions.
  static let llamas: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "llama", modelTypes: ["llama", "mistral", "mixtral"],
      modules: GGUFArchitecture.experts(in: "block_sparse_moe", names: ("w1", "w3", "w2")),
      turnsNeighbours: true, readsRotaryFactors: true, features: [.normalizedExperts],
      keys: [.vocabularySize, .rotatedChannels],
      configuration: .llama),
    GGUFArchitecture(
      name: "mistral3", modelTypes: ["ministral3"], turnsNeighbours: true,
      readsRotaryFactors: true, features: [.queryGrowth],
      keys: [
        .vocabularySize, .rotatedChannels,
        KeyRule("rope.scaling.yarn_log_multiplier") { (facts) throws(InputError) in
          guard let scale = try facts.rotaryParameters()?.optional("mscale_all_dim") else {
            return nil
          }
          return .float32(try scale.float32())
        },
        .number("attention.temperature_scale") { facts in
          facts.rotary?.growth.map { Float($0.strength) }
        },
      ],
      configuration: .ministral3),
    GGUFArchitecture(
      name: "smollm3", modelTypes: ["smollm3"], turnsNeighbours: true,
      features: [.unrotatedBlocks], unrotatedPeriod: 4, keys: [.vocabularySize, .rotatedChannels],
      configuration: .smollm3),
    GGUFArchitecture(
      name: "granite", modelTypes: ["granite"], turnsNeighbours: true, readsRotaryFactors: true,
      features: [.scoreScale, .embeddingFactor, .embeddingRoot, .residualFactor, .logitFactor],
      keys: [.vocabularySize, .rotatedChannels] + KeyRule.granite,
      configuration: .granite),
    GGUFArchitecture(
      name: "granitemoe", modelTypes: ["granitemoe"],
      modules: GGUFArchitecture.experts(
        in: "block_sparse_moe", router: "router.layer", names: ("w1", "w3", "w2")),
      turnsNeighbours: true, readsRotaryFactors: true,
      features: [
        .scoreScale, .embeddingFactor, .embeddingRoot, .residualFactor, .logitFactor,
        .normalizedExperts,
      ], keys: [.vocabularySize, .rotatedChannels] + KeyRule.granite,
      configuration: .granitemoe),
    GGUFArchitecture(
      name: "seed_oss", modelTypes: ["seed_oss"],
      modules: ["post_attention_layernorm": "post_attention_norm"],
      configuration: .seedOss),
    GGUFArchitecture(
      name: "ernie4_5", modelTypes: ["ernie4_5"],
      configuration: .ernie45),
  ]
}
