package import Recordings
package import Tensors

/// A linear layer of a block, as recipes and formats name it, with the places of its numbers.
package struct LayerSlot: Hashable, Sendable {
  /// The module's name inside the block, `mlp.up_proj`.
  package var name: String
  package var outputs: Int
  package var inputs: Int
  package var weight: StoredMatrix
  /// Nil for a layer without a bias.
  package var bias: StoredMatrix?
  /// The type of its weight in programs, if it is another than the compute type.
  package var type: ComputeType?
  /// Why it stays as it is by default; nil for a layer that is quantized.
  package var exclusion: Exclusion?

  /// A layer with tensors of its own, called `<name>.weight` and `<name>.bias`.
  package init(_ name: String, outputs: Int, inputs: Int, hasBias: Bool = false) {
    self.name = name
    self.outputs = outputs
    self.inputs = inputs
    weight = StoredMatrix("\(name).weight")
    bias = hasBias ? StoredMatrix("\(name).bias") : nil
  }

  /// The same layer, which stays as it is by default.
  package func kept(_ exclusion: Exclusion) -> LayerSlot {
    var slot = self
    slot.exclusion = exclusion
    return slot
  }

  /// Reads the weight, `[outputs, inputs]`, of the layer in the block of this name.
  package func readWeight(in block: String, from source: any TensorSource) throws -> Tensor {
    try weight.found(as: "\(name).weight", in: block, source)
      .read([outputs, inputs], in: block, from: source)
  }
}
