package import JSONText

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

  /// Reads a configuration; errors name the key and what was expected.
  static func describe(_ configuration: JSONReader) throws -> ModelDescription
}

extension Architecture {
  package static func knows(_ configuration: JSONReader) -> Bool { true }
}

/// What a model is made of, as far as computing it needs to know.
package struct ModelDescription: Sendable {
  package var front: ModelFront
  /// The decoder blocks in order.
  package var blocks: [PlacedBlock]
  package var end: ModelEnd
  /// How the end's activations are quantized.
  package var endActivations = ActivationPlan()
  /// Number of the longest sequence that the model was made for.
  package var positionLimit: Int

  package var vocabularySize: Int { front.vocabularySize }
  package var hiddenSize: Int { front.width }
  /// The head as a module.
  package var headModule: String { end.head.name }
}

/// A decoder block at its place in the model.
package struct PlacedBlock: Sendable {
  /// What the names of its tensors begin with, `model.layers.3`, without a dot at the end.
  package var name: String
  package var block: any DecoderBlock
  /// How its activations are quantized; by default they stay as they are.
  package var activations: ActivationPlan

  package init(
    name: String, block: any DecoderBlock, activations: ActivationPlan = ActivationPlan()
  ) {
    (self.name, self.block, self.activations) = (name, block, activations)
  }

  /// What blocks that run as the same program have in common.
  package struct Kind: Hashable {
    let block: AnyHashable
    let activations: ActivationPlan
  }

  package var kind: Kind { Kind(block: AnyHashable(block), activations: activations) }
}
