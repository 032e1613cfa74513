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
  /// Nil where files have the names that transformers gives.
  package var names: ModuleNames?

  package init(
    front: ModelFront, blocks: [PlacedBlock], end: ModelEnd,
    endActivations: ActivationPlan = ActivationPlan(), positionLimit: Int
  ) {
    self.front = front
    self.blocks = blocks
    self.end = end
    self.endActivations = endActivations
    self.positionLimit = positionLimit
  }

  package var vocabularySize: Int { front.vocabularySize }
  package var hiddenSize: Int { front.width }
  /// Columns that the stream carries beside the hidden states.
  package var carriedColumns = 0
  /// All columns of the stream.
  package var streamColumns: Int { hiddenSize + carriedColumns }
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
