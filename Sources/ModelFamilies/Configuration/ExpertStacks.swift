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

  /// Shapes of the stacks of gates and ups in a checkpoint, where they decide which way its stacks lie.
  var found: [[Int]] = []

  /// The layers of an expert.
  enum Layer: Int { case gate, up, down }

  /// Looks which way the stacks of a checkpoint lie, of a family that is published both ways.
  mutating func find(in shapes: [String: [Int]]) {
    found = shapes.filter { $0.key.hasSuffix(".\(inputs)") }.map(\.value)
  }

  /// Whether the stacks of experts with so many channels have a row for each input. Where gates and ups are together as many
  /// as inputs, shapes do not tell, and it is as the family is published.
  private func isTransposed(width: Int, hidden: Int, of count: Int) -> Bool {
    let other = [count, 2 * width, hidden]
    return 2 * width == hidden || found.isEmpty || found.contains { $0 != other }
      ? isTransposed : !isTransposed
  }

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
    let (width, hidden) =
      layer == .down ? (slot.inputs, slot.outputs) : (slot.outputs, slot.inputs)
    slot.weight = StoredMatrix(
      tensor, steps, isTransposed: isTransposed(width: width, hidden: hidden, of: count))
    slot.bias = biasSuffix.map { StoredMatrix(tensor + $0, steps) }
    return slot
  }
}
