import Diagnostics
import JSONText
import LanguageModels

/// A model with modules for images or sound, of which the one that reads text is described. Text alone gives the answers
/// of that module, the text model.
protocol WrappedModel: Architecture {
  /// The text model's `model_type` where the configuration names none.
  static var textType: String { get }
  /// Families of text models that only occur wrapped, by their `model_type`.
  static var textFamilies: [String: any Architecture.Type] { get }
  /// What the text model's class means by absent keys, where its family means something else or requires them.
  static var textDefaults: [String: JSONValue] { get }
  /// Whether the head is the embedding where nothing is said.
  static var isTied: Bool { get }
  /// Whether older files have the text model's keys at the top level.
  static var hasTextAtTop: Bool { get }
}

extension WrappedModel {
  static var isWrapped: Bool { true }
  static var textFamilies: [String: any Architecture.Type] { [:] }
  static var textDefaults: [String: JSONValue] { [:] }
  static var isTied: Bool { false }
  static var hasTextAtTop: Bool { false }

  static func knows(_ configuration: JSONReader) -> Bool {
    // Describing says what is wrong with a configuration without a text model.
    guard let text = try? text(configuration) else { return true }
    return (try? family(of: text))?.knows(text) ?? false
  }

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    try describe(configuration, shapes: [:])
  }

  static func describe(
    _ configuration: JSONReader, shapes: [String: [Int]]
  ) throws -> ModelDescription {
    let text = try text(configuration)
    do {
      return try family(of: text).describe(text, shapes: shapes)
    } catch let error as InputError where !(error.place ?? "").hasPrefix(text.path) {
      throw error.below(text.path)
    }
  }

  private static func family(of text: JSONReader) throws -> any Architecture.Type {
    let type = try text.required("model_type").string()
    guard let family = textFamilies[type] ?? Architectures.family(of: type), !family.isWrapped
    else { throw Architectures.unsupported(type, place: "\(text.path).model_type") }
    return family
  }

  /// The text model's configuration, with what is decided outside of it.
  private static func text(_ configuration: JSONReader) throws -> JSONReader {
    let own = try configuration.optional("text_config")
    guard let given = hasTextAtTop ? own ?? configuration : own else {
      throw InputError(
        .missing, place: "text_config",
        "is missing; expected the configuration of the part of the model that reads text")
    }
    _ = try given.members()
    var value = given.value
    if own == nil || value["model_type"] == nil { value.set("model_type", .string(textType)) }
    for (key, number) in textDefaults where value[key] == nil { value.set(key, number) }
    let tied =
      try configuration.optional("tie_word_embeddings")?.bool()
      ?? given.optional("tie_word_embeddings")?.bool()
    value.set("tie_word_embeddings", .bool(tied ?? isTied))
    return JSONReader(value, path: given.path)
  }
}
