/// Codes of some bits without gaps in words of 32 bits, the first in the lowest bits of the first word.
enum CodeStream {
  static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt32 {
    bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self).littleEndian
  }

  /// Code number `index` of a stream of `bitCount` each over the words that `place` finds.
  static func code(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, bitCount: Int, place: (Int) -> Int
  ) -> Int {
    let bit = index * bitCount
    var value = UInt64(word(bytes, place(bit / 32)))
    if bit % 32 + bitCount > 32 { value |= UInt64(word(bytes, place(bit / 32 + 1))) << 32 }
    return Int(value >> UInt64(bit % 32) & (1 << UInt64(bitCount) - 1))
  }

  /// Writes the integers of a stream of codes, which are counted from the least.
  static func unpack(
    _ stream: UnsafeRawBufferPointer, bitCount: Int, _ count: Int,
    into target: UnsafeMutablePointer<Float>
  ) {
    let (half, mask) = (Int32(1) << Int32(bitCount - 1), UInt64(1) << UInt64(bitCount) - 1)
    var index = 0
    // Eight codes take as many bytes as one has bits.
    while index + 8 <= count, index / 8 * bitCount + 8 <= stream.count {
      let codes = UInt64(
        littleEndian: stream.loadUnaligned(fromByteOffset: index / 8 * bitCount, as: UInt64.self))
      for place in 0..<8 {
        let code = Int32(truncatingIfNeeded: codes &>> UInt64(place &* bitCount) & mask)
        target[index &+ place] = Float(code &- half)
      }
      index += 8
    }
    for index in index..<count {
      target[index] = Float(code(stream, index, bitCount: bitCount) { $0 } - Int(half))
    }
  }
}
