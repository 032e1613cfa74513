package import Checkpoints
package import Compute

extension ModelFront {
  /// Bytes that making the first block's input takes: of the program that makes inputs for all blocks, and of the tables,
  /// which are read where they lie.
  ///
  /// - Parameters:
  ///   - samples: Their number.
  ///   - tokens: Tokens of each.
  package func byteCount(
    samples: Int, tokens: Int, from checkpoint: Checkpoint, device: any Device
  ) -> (own: Int, mapped: Int) {
    let program = blockInputs.map {
      BlockProgram.byteCount($0, batch: 1, tokens: tokens, device: device, training: .nothing)
    }
    let tables = [table, blockInputs?.table].compactMap {
      $0.flatMap { checkpoint.info($0.tensor) }
    }
    // One that is made is all in memory.
    let made = tables.filter { checkpoint.isMade($0.name) }.reduce(0) {
      $0 + $1.byteCount + checkpoint.passingByteCount(of: $1.name)
    }
    let mapped = tables.filter { !checkpoint.isMade($0.name) }.reduce(0) { sum, table in
      let row = max(table.byteCount / max(1, table.shape[0]), Self.leastMapped)
      return sum + min(table.byteCount, samples * tokens * row)
    }
    return ((program ?? 0) + made, mapped)
  }

  /// What is mapped at least of a file of which a byte is read: Linux maps neighbouring pages with it.
  private static let leastMapped = 1 << 16
}
