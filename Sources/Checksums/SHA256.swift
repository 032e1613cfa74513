import CKernels

/// SHA-256 of bytes that come in pieces: FIPS 180-4.
///
/// ```swift
/// var sum = SHA256()
/// sum.update(Array("abc".utf8))
/// sum.hexadecimal  // ba7816bf…
/// ```
package struct SHA256: Checksum {
  // FIPS 180-4, section 5.3.3.
  private var sum = BlockSum([
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
    0x5be0_cd19,
  ])

  package init() {}

  /// The digest of `bytes` in 64 hexadecimal digits.
  package static func hexadecimal(of bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { hexadecimal(of: $0) }
  }

  /// The digest of `bytes` in 64 hexadecimal digits.
  package static func hexadecimal(of bytes: UnsafeRawBufferPointer) -> String {
    var sum = SHA256()
    sum.update(bytes)
    return sum.hexadecimal
  }

  /// Takes the next bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    sum.update(bytes, Self.compress)
  }

  /// The digest of all bytes so far, in 64 hexadecimal digits.
  package var hexadecimal: String { sum.hexadecimal(Self.compress) }

  private static func compress(_ state: inout [UInt32], _ blocks: UnsafeRawBufferPointer) {
    blocks.withMemoryRebound(to: UInt8.self) { blocks in
      guard let base = blocks.baseAddress else { return }
      state.withUnsafeMutableBufferPointer { state in
        if let state = state.baseAddress { ck_sha256(state, base, blocks.count / 64) }
      }
    }
  }
}
