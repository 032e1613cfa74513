import Tensors

/// The best of a weight's roundings so far: a code for each element, and the range scales that go with them.
///
/// The offsets that led to the codes are not kept: with the scales, codes are all that is left to know of them.
final class KeptRounding {
  private let storage: TensorStorage
  private let shape: [Int]
  private let ranges: UnsafeMutablePointer<Float>
  private let rangeCount: Int
  private(set) var isEmpty = true

  /// Bytes of a rounding of so many elements with so many range scales.
  static func byteCount(elements: Int, ranges: Int) -> Int {
    elements + ranges * MemoryLayout<Float>.stride
  }

  /// - Parameters:
  ///   - shape: `[rows, columns]`.
  ///   - rangeCount: Range scales of all kinds together.
  init(shape: [Int], rangeCount: Int) {
    storage = TensorStorage(uninitialized: shape.reduce(1, *))
    self.shape = shape
    self.rangeCount = rangeCount
    ranges = Memory.allocate(capacity: rangeCount)
  }

  deinit { ranges.deallocate() }

  /// Replaces the rounding by one of these range scales, whose codes `fill` writes.
  func keep(
    _ current: UnsafePointer<Float>, codes fill: (UnsafeMutablePointer<UInt8>) -> Void
  ) {
    ranges.update(from: current, count: rangeCount)
    fill(storage.base.assumingMemoryBound(to: UInt8.self))
    isEmpty = false
  }

  /// Copies the range scales to where the current ones are.
  func copyRanges(to current: UnsafeMutablePointer<Float>) {
    current.update(from: ranges, count: rangeCount)
  }

  /// `[rows, columns]` u8, the memory of the rounding itself: nothing is kept after this was asked for.
  var codes: Tensor { Tensor(dtype: .uint8, shape: shape, storage: storage, byteOffset: 0) }
}
