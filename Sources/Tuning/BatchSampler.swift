import Tensors

/// Draws batches of sample numbers: every sample once in a shuffled order, then shuffled again.
///
/// When fewer samples are left than a batch needs, the rest is dropped and the current order shuffled
/// anew. With one seed the batches are those of the reference, whose shuffle is Python's.
package struct BatchSampler: IteratorProtocol {
  private var order: [Int]
  private var position = 0
  private let batchSize: Int
  private var generator: MersenneTwister

  /// - Parameters:
  ///   - sampleCount: Samples to draw from.
  ///   - batchSize: Samples of a batch; at most `sampleCount`.
  ///   - seed: Start of the generator.
  package init(sampleCount: Int, batchSize: Int, seed: UInt64) {
    precondition(batchSize >= 1 && batchSize <= sampleCount)
    order = Array(0..<sampleCount)
    self.batchSize = batchSize
    generator = MersenneTwister(seed: seed)
    shuffle()
  }

  /// The samples of the next batch.
  package mutating func next() -> ArraySlice<Int>? {
    if position + batchSize > order.count { shuffle() }
    defer { position += batchSize }
    return order[position..<position + batchSize]
  }

  private mutating func shuffle() {
    position = 0
    generator.shuffle(&order)
  }
}
