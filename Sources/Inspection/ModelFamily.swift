public import JSONText
import LanguageModels
import ModelFamilies

/// A family of models that can be planned, tuned, evaluated and asked to continue prompts.
public struct ModelFamily: Sendable {
  /// The values of `model_type` in config.json that mean it.
  public var modelTypes: [String]
  /// Published models of the family.
  public var models: String
  /// What is special about them, beside Llama; empty: nothing.
  public var peculiarity: String
  /// What of the family is not computed, or not read by others; empty: nothing is known.
  public var limits: String

  /// All families, by the first name of each.
  public static var all: [ModelFamily] {
    Architectures.all.map {
      ModelFamily(
        modelTypes: $0.modelTypes, models: $0.about.models, peculiarity: $0.about.peculiarity,
        limits: $0.about.limits)
    }.sorted { $0.modelTypes[0] < $1.modelTypes[0] }
  }

  /// An object with these properties.
  public var json: JSONValue {
    [
      "model_types": .array(modelTypes.map { .string($0) }), "models": .string(models),
      "peculiarity": .string(peculiarity), "limits": .string(limits),
    ]
  }
}
