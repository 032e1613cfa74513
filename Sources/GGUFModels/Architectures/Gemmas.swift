import LanguageModels
import Recordings

extension GGUFArchitectures {
  static let gemmas: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "gemma2", modelTypes: ["gemma2"], modules: GGUFArchitecture.outputNorms,
      hasHead: false, features: [.embeddingRoot, .scoreCap, .logitCap], function: .geluTanh,
      slidingPeriod: 2, widthScaledBlockCount: 46, keys: [.scoreCap, .logitCap, .window]),
    GGUFArchitecture(
      name: "gemma3", modelTypes: ["gemma3_text", "gemma3"],
      modules: GGUFArchitecture.outputNorms + GGUFArchitecture.headNorms,
      features: [.embeddingRoot, .logitCap], function: .geluTanh, slidingPeriod: 6,
      widthScaledBlockCount: 62, keys: [.logitCap, .window]),
  ]
}
