package import Recordings

/// Columns that a model's stream carries beside the hidden states, from the front or from one block to later ones.
///
/// In a sample, all rows of the hidden states come first; behind them all rows of each of these, one after the other.
package struct CarriedColumns: Hashable, Sendable {
  /// The columns of those before them; where each block has its own, those of the block's own before them.
  package var first: Int
  package var count: Int
  /// Whether each block has its own, which begin at ``PlacedBlock/firstOwnColumn``, so that blocks can be equal that read
  /// different ones.
  package var isOfBlock: Bool

  package init(first: Int, count: Int, isOfBlock: Bool = false) {
    (self.first, self.count, self.isOfBlock) = (first, count, isOfBlock)
  }
}

/// Carried columns as a value of a program.
package struct CarriedValue {
  package let columns: CarriedColumns
  package let value: Value
}

extension BlockRecorder {
  /// Records that the block reads carried columns; returns their value.
  package mutating func carried(_ columns: CarriedColumns) -> Operand {
    let value = operations.input(columns: columns.count)
    carriedInputs.append(CarriedValue(columns: columns, value: value))
    return operations.operand(value)
  }

  /// Records that what follows the block reads `x` as carried columns.
  package mutating func carry(_ x: Operand, as columns: CarriedColumns) {
    precondition(x.columns == columns.count)
    let isWhole = operations.operand(x.value) == x
    let value = isWhole ? x.value : operations.juxtaposed([x])
    operations.keep(value)
    carriedOutputs.append(CarriedValue(columns: columns, value: value))
  }
}
