package import JSONText
package import LanguageModels

/// One family of decoder-only models: how its configuration describes blocks, and what its tensors are
/// called.
///
/// A new family is one file in `Architectures` and one line in ``Architectures/all``.
package protocol Architecture: Sendable {
  /// The values of `model_type` in config.json that mean this family.
  static var modelTypes: [String] { get }
  /// What a list of families says of it.
  static var about: FamilyDescription { get }

  /// Whether models of such a configuration, whose `model_type` is the family's, can be computed. Of those that cannot,
  /// describing says why; they are treated like models of unknown families.
  static func knows(_ configuration: JSONReader) -> Bool

  /// Whether such models have modules for other things than text beside the one that is described, whose names may
  /// begin in several ways.
  static var isWrapped: Bool { get }

  /// Reads a configuration; errors name the key and what was expected.
  static func describe(_ configuration: JSONReader) throws -> ModelDescription

  /// The same of a checkpoint, where shapes of tensors decide what configurations leave open.
  ///
  /// - Parameter shapes: Of the checkpoint's tensors, by name.
  static func describe(
    _ configuration: JSONReader, shapes: [String: [Int]]
  ) throws -> ModelDescription
}

extension Architecture {
  package static func knows(_ configuration: JSONReader) -> Bool { true }
  package static var isWrapped: Bool { false }

  package static func describe(
    _ configuration: JSONReader, shapes: [String: [Int]]
  ) throws -> ModelDescription {
    try describe(configuration)
  }
}
