/// Gives parts of one stretch of scratch memory their places, in bytes from its start, one after the other.
struct ScratchLayout {
  /// Bytes of all parts so far.
  private(set) var byteCount = 0

  /// The place of a part of `count` bytes.
  mutating func place(_ count: Int) -> Int {
    defer { byteCount = (byteCount + count + 63) / 64 * 64 }
    return byteCount
  }
}

/// Copies rows to others, each so many bytes behind the one before.
func copyRows(
  _ count: Int, byteCount: Int, from source: UnsafeRawPointer, _ sourceStride: Int,
  to target: UnsafeMutableRawPointer, _ targetStride: Int
) {
  for row in 0..<count {
    (target + row * targetStride).copyMemory(
      from: source + row * sourceStride, byteCount: byteCount)
  }
}

extension UnsafeMutableRawPointer {
  /// The f32 numbers at a place of a layout that begins here.
  func floats(at place: Int) -> UnsafeMutablePointer<Float> {
    (self + place).assumingMemoryBound(to: Float.self)
  }
}
