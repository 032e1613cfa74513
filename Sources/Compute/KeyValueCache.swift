import Tensors

/// Keys and values of one block for the tokens of one sequence so far.
package final class KeyValueCache {
  /// Tokens in the cache.
  package internal(set) var tokenCount = 0
  /// Tokens that it has room for.
  package let capacity: Int
  /// `[capacity, key-value heads * head size]` each, in the compute type; zero where no token is yet.
  let keys: UnsafeMutableRawPointer
  let values: UnsafeMutableRawPointer
  let rowByteCount: Int

  /// Keys are read in steps of so many tokens.
  static let step = AttentionTile.keysOfPiece

  /// - Parameters:
  ///   - capacity: Tokens that will be stored at most.
  ///   - columns: Key-value heads times head size.
  package init(capacity: Int, columns: Int, compute: ComputeType) {
    self.capacity = (capacity + Self.step - 1) / Self.step * Self.step
    rowByteCount = columns * compute.byteCount
    let byteCount = self.capacity * rowByteCount
    keys = Memory.allocate(byteCount: byteCount)
    values = Memory.allocate(byteCount: byteCount)
    keys.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    values.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  deinit {
    keys.deallocate()
    values.deallocate()
  }

  /// Stores the rows of `tokens` tokens after those that are there.
  func append(
    keys newKeys: UnsafeRawPointer, keyStride: Int, values newValues: UnsafeRawPointer,
    valueStride: Int, tokens: Int
  ) {
    precondition(tokenCount + tokens <= capacity, "the cache is full")
    for token in 0..<tokens {
      let offset = (tokenCount + token) * rowByteCount
      (keys + offset).copyMemory(from: newKeys + token * keyStride, byteCount: rowByteCount)
      (values + offset).copyMemory(from: newValues + token * valueStride, byteCount: rowByteCount)
    }
  }
}
