/// SHA-1 of bytes that come in pieces: FIPS 180-4, section 6.1.
///
/// It protects against nothing but damage: git calls files by it, and the hub tells files that are no weights apart by
/// what git calls them.
package struct SHA1: Checksum {
  private var sum = BlockSum([0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0])

  package init() {}

  /// The digest that git gives a file of this size, whose bytes are to be taken next.
  package init(gitBlobOf byteCount: Int) {
    update(Array("blob \(byteCount)\0".utf8))
  }

  /// Takes the next bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    sum.update(bytes, Self.compress)
  }

  /// The digest of all bytes so far, in 40 hexadecimal digits.
  package var hexadecimal: String { sum.hexadecimal(Self.compress) }

  private static func compress(_ state: inout [UInt32], _ blocks: UnsafeRawBufferPointer) {
    func rotated(_ word: UInt32, by count: UInt32) -> UInt32 {
      word << count | word >> (32 - count)
    }
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
      for start in stride(from: 0, to: blocks.count, by: 64) {
        for index in 0..<16 {
          words[index] = UInt32(
            bigEndian: blocks.loadUnaligned(fromByteOffset: start + 4 * index, as: UInt32.self))
        }
        for index in 16..<80 {
          words[index] = rotated(
            words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], by: 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
          let (mixed, constant): (UInt32, UInt32) =
            switch index {
            case 0..<20: (b & c | ~b & d, 0x5a82_7999)
            case 20..<40: (b ^ c ^ d, 0x6ed9_eba1)
            case 40..<60: (b & c | b & d | c & d, 0x8f1b_bcdc)
            default: (b ^ c ^ d, 0xca62_c1d6)
            }
          let next = rotated(a, by: 5) &+ mixed &+ e &+ constant &+ words[index]
          (e, d, c, b, a) = (d, c, rotated(b, by: 30), a, next)
        }
        for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
      }
    }
  }
}
