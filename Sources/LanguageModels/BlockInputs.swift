package import Recordings

/// What the front makes for each block, of a token's id and of its embedding:
///
///     e = (norm(factor W h) + tableFactor E[id]) sumFactor
///
/// with a row of e for each block. It is recorded like a block, which reads h and the rows of the table.
package struct BlockInputs: DecoderBlock {
  /// Columns of h.
  package var width: Int
  package var blockCount: Int
  /// The norm of each block's columns.
  package var norm: NormSlot
  package var projection: LayerSlot
  package var factor: Float
  /// E, `[vocabularySize, blockCount * size]`.
  package var table: StoredMatrix
  package var vocabularySize: Int
  package var tableFactor: Float
  package var sumFactor: Float

  package init(
    width: Int, blockCount: Int, norm: NormSlot, projection: LayerSlot, factor: Float,
    table: StoredMatrix, vocabularySize: Int, tableFactor: Float, sumFactor: Float
  ) {
    self.width = width
    self.blockCount = blockCount
    self.norm = norm
    self.projection = projection
    self.factor = factor
    self.table = table
    self.vocabularySize = vocabularySize
    self.tableFactor = tableFactor
    self.sumFactor = sumFactor
  }

  /// Columns for all blocks.
  package var columns: Int { projection.outputs }
  /// Columns for one block.
  package var size: Int { columns / blockCount }

  /// Those of one block, as the stream carries them.
  package func carried(ofBlock index: Int) -> CarriedColumns {
    CarriedColumns(first: index * size, count: size)
  }

  package func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let rows = recorder.carried(CarriedColumns(first: 0, count: columns))
    let projected = recorder.linear([projection], x)
    let scaled = recorder.scaled(recorder.operations.operand(projected), by: factor)
    let normed = recorder.norm(norm, scaled)
    let fromTable = recorder.scaled(rows, by: tableFactor)
    let sum = recorder.operations.add(normed, fromTable.value)
    let made = recorder.scaled(recorder.operations.operand(sum), by: sumFactor).value
    for block in 0..<blockCount {
      let columns = carried(ofBlock: block)
      let part = recorder.operations.operand(
        made, columns: columns.first..<columns.first + columns.count)
      recorder.carry(part, as: columns)
    }
    return made
  }
}
