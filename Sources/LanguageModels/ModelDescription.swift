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
  /// Columns that the stream carries beside the hidden states.
  package var carriedColumns = 0

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

  /// What `fact` says of each decoder block, with the block's name. Equal blocks are asked once: to record one takes time.
  package func ofBlocks<Fact>(_ fact: (any DecoderBlock) -> Fact) -> [(name: String, fact: Fact)] {
    // Few kinds, which are compared faster than hashed: equal blocks mostly share their lists of numbers.
    var known: [(block: AnyHashable, fact: Fact)] = []
    return blocks.map { placed in
      let block = AnyHashable(placed.block)
      let index = known.firstIndex { $0.block == block } ?? known.count
      if index == known.count { known.append((block, fact(placed.block))) }
      return (placed.name, known[index].fact)
    }
  }

  package var vocabularySize: Int { front.vocabularySize }
  package var hiddenSize: Int { front.width }
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
  /// The first of the carried columns that only this block reads.
  package var firstOwnColumn = 0

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
