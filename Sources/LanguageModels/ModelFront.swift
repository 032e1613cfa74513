/// How a model begins: the table that turns token ids into the first block's input, and what is done to its rows.
package struct ModelFront: Hashable, Sendable {
  /// The module's name; its weight, `[vocabularySize, width]`, is `<name>.weight`.
  package var name: String
  package var vocabularySize: Int
  package var width: Int
  /// Factor on the rows.
  package var factor: Float = 1
  package var positions: Positions?
  /// A norm of the sum.
  package var norm: NormSlot?
  /// What each block reads of the front besides; nil: nothing.
  package var blockInputs: BlockInputs?

  /// A learned vector for each position, which is added to the row.
  package struct Positions: Hashable, Sendable {
    package var table: StoredMatrix
    /// Rows of the table.
    package var count: Int
    /// The row of position 0.
    package var first: Int

    package init(
      table: StoredMatrix, count: Int, first: Int
    ) {
      self.table = table
      self.count = count
      self.first = first
    }
  }

  package init(name: String, vocabularySize: Int, width: Int) {
    self.name = name
    self.vocabularySize = vocabularySize
    self.width = width
  }

  /// The table in the checkpoint.
  package var table: StoredMatrix { StoredMatrix("\(name).weight") }

  /// Everything that it reads, with the shapes.
  package var parts: [(stored: StoredMatrix, shape: [Int])] {
    var parts = [(table, [vocabularySize, width])]
    if let positions { parts.append((positions.table, [positions.count, width])) }
    for vector in (norm?.weights ?? []) + [norm?.bias].compactMap({ $0 }) {
      parts.append((vector, [width]))
    }
    if let blockInputs {
      parts.append((blockInputs.table, [blockInputs.vocabularySize, blockInputs.columns]))
      parts += blockInputs.parts.map { ($0.stored, $0.shape) }
    }
    return parts
  }
}
