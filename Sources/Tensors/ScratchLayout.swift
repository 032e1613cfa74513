/// Gives parts of one stretch of scratch memory their places, in bytes from its start, one after the other.
package struct ScratchLayout: Sendable {
  /// Bytes of all parts so far.
  package private(set) var byteCount = 0

  package init() {}

  /// The place of a part of `count` bytes.
  package mutating func place(_ count: Int) -> Int {
    defer { byteCount = (byteCount + count + 63) / 64 * 64 }
    return byteCount
  }
}

extension UnsafeMutableRawPointer {
  /// The f32 numbers at a place of a layout that begins here.
  package func floats(at place: Int) -> UnsafeMutablePointer<Float> {
    (self + place).assumingMemoryBound(to: Float.self)
  }
}
