import LanguageModels

/// Where a checkpoint has the experts of a block one after the other: in a stack of matrices of gates and ups, and one of
/// downs.
struct ExpertStacks {
  /// The tensors, inside the block.
  var inputs: String
  var output: String
  /// Whether they have a row for each input of a layer.
  var isTransposed = false
  /// Whether gates and ups take turns; else all gates come first.
  var alternates = false
  /// What the names of tensors with biases end in, which lie as the matrices do; nil: there are none.
  var biasSuffix: String?

  /// The layers of an expert.
  enum Layer: Int { case gate, up, down }

  /// The same layer of one of so many experts, with the place of its numbers.
  func placed(_ slot: LayerSlot, _ layer: Layer, ofExpert expert: Int, of count: Int) -> LayerSlot {
    var steps = [StoredMatrix.Step.member(expert, of: count)]
    if layer != .down {
      steps.append(
        alternates
          ? .every(2, from: layer.rawValue)
          : .rows(from: layer.rawValue * slot.outputs, of: 2 * slot.outputs))
    }
    let tensor = layer == .down ? output : inputs
    var slot = slot
    slot.weight = StoredMatrix(tensor, steps, isTransposed: isTransposed)
    slot.bias = biasSuffix.map { StoredMatrix(tensor + $0, steps) }
    return slot
  }
}
