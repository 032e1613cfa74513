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
