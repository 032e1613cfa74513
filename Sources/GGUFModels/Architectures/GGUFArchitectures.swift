import Diagnostics
import JSONText

/// The architectures of llama.cpp that models become. What each of them asks for was read from its converters
/// (`conversion/*.py`), its list of names (`gguf-py/gguf/constants.py`, `tensor_mapping.py`) and its loaders
/// (`src/models/*.cpp`) as of November 2026, package `gguf` 0.19.
enum GGUFArchitectures {
  static let all = llamas + qwens + gemmas + others + early + mixtures + hybrids

  /// The architecture of the part that reads text.
  ///
  /// - Throws: `unsupported` for one that is not in the table, naming those that are.
  static func architecture(_ configuration: JSONReader) throws(InputError) -> GGUFArchitecture {
    let text = try configuration.optional("text_config")
    let outer = try configuration.required("model_type")
    let reader = try text?.optional("model_type") ?? outer
    let type = try reader.string()
    let outerType = try outer.string()
    if let found = all.first(where: { $0.modelTypes.contains(type) })
      ?? (text == nil ? nil : all.first { $0.modelTypes.contains(outerType) })
    {
      return found
    }
    throw InputError(
      .unsupported, place: reader.path,
      "models of type \(quoted(type)) are not written as GGUF; those of these types are: "
        + modelTypes.joined(separator: ", "))
  }

  static var modelTypes: [String] { all.flatMap(\.modelTypes).sorted() }
}
