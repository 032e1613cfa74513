import Compute

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

extension SequenceMemory {
  /// Copies rows of new tokens, `stride` bytes apart, behind those that a state's buffer has.
  func append(
    _ rows: Int, byteCount: Int, from source: UnsafeRawPointer, _ stride: Int,
    to buffer: any DeviceBuffer
  ) {
    precondition((tokenCount + rows) * byteCount <= buffer.byteCount, "the cache is full")
    copyRows(
      rows, byteCount: byteCount, from: source, stride,
      to: buffer.hostPointer + tokenCount * byteCount, byteCount)
  }
}
