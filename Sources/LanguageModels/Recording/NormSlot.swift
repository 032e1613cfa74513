package import Recordings

/// A norm of a block, with the places of its numbers.
package struct NormSlot: Hashable, Sendable {
  /// The module's name inside the block.
  package var name: String
  /// Columns of what is normalized.
  package var columns: Int
  package var kind: Normalization
  /// The weights, one under the other: for all columns, or for those of one group if all groups have the same.
  package var weights: [StoredMatrix]
  /// Numbers of each of them.
  package var weightSize: Int
  package var bias: StoredMatrix?

  /// How a family's norms compute.
  package enum Style: Hashable, Sendable {
    case rootMeanSquare
    /// The same with `1 + w` for the weight.
    case onePlusRootMeanSquare
    /// LayerNorm.
    case centered(hasBias: Bool)
    /// LayerNorm with `1 + w` for the weight, and a bias.
    case onePlusCentered
  }

  /// A norm whose weight is `<name>.weight`, and its bias `<name>.bias`.
  ///
  /// - Parameter groupSize: Neighbouring columns that are normalized together, with the same weights in each group;
  ///   nil: all of them.
  package init(
    _ name: String, columns: Int, groupSize: Int? = nil, style: Style = .rootMeanSquare,
    epsilon: Float
  ) {
    self.name = name
    self.columns = columns
    kind = Normalization(groupSize: groupSize ?? columns, epsilon: epsilon)
    weightSize = kind.groupSize
    var weight = StoredMatrix("\(name).weight")
    switch style {
    case .rootMeanSquare: break
    case .onePlusRootMeanSquare: weight.addend = 1
    case .centered(let hasBias):
      kind.isCentered = true
      bias = hasBias ? StoredMatrix("\(name).bias") : nil
    case .onePlusCentered:
      weight.addend = 1
      kind.isCentered = true
      bias = StoredMatrix("\(name).bias")
    }
    weights = [weight]
  }

  /// The same norm without weights.
  package var withoutWeights: NormSlot {
    var slot = self
    slot.weights = []
    return slot
  }

  /// Whether the rotary embedding of heads of `size` channels can do it on the way.
  func isOfHeads(_ size: Int) -> Bool {
    !kind.isCentered && kind.groupSize == size && weights.count == 1 && weightSize == size
  }
}
