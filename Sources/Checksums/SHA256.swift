import CKernels

/// SHA-256 of bytes that come in pieces: FIPS 180-4.
///
/// ```swift
/// var sum = SHA256()
/// sum.update(Array("abc".utf8))
/// sum.hexadecimal  // ba7816bf…
/// ```
package struct SHA256: Sendable {
  // FIPS 180-4, section 5.3.3.
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
    0x5be0_cd19,
  ]
  private var rest: [UInt8] = []
  private var byteCount: UInt64 = 0

  package init() {}

  /// The digest of `bytes` in 64 hexadecimal digits.
  package static func hexadecimal(of bytes: [UInt8]) -> String {
    var sum = SHA256()
    sum.update(bytes)
    return sum.hexadecimal
  }

  /// Takes the next bytes.
  package mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// Takes the next bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var bytes = bytes[...]
    if !rest.isEmpty {
      let missing = bytes.prefix(64 - rest.count)
      rest.append(contentsOf: missing)
      bytes = bytes.dropFirst(missing.count)
      guard rest.count == 64 else { return }
      rest.withUnsafeBufferPointer { compress($0) }
      rest.removeAll(keepingCapacity: true)
    }
    let blocks = bytes.prefix(bytes.count / 64 * 64)
    compress(UnsafeRawBufferPointer(rebasing: blocks).bindMemory(to: UInt8.self))
    rest.append(contentsOf: bytes.dropFirst(blocks.count))
  }

  /// The digest of all bytes so far, in 64 hexadecimal digits.
  package var hexadecimal: String {
    var sum = self
    let length = (byteCount &* 8).bigEndian
    let padding = 1 + (119 - rest.count) % 64
    sum.update([0x80] + [UInt8](repeating: 0, count: padding - 1))
    withUnsafeBytes(of: length) { sum.update($0) }
    return sum.state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private mutating func compress(_ blocks: UnsafeBufferPointer<UInt8>) {
    guard let base = blocks.baseAddress else { return }
    state.withUnsafeMutableBufferPointer { state in
      if let state = state.baseAddress { ck_sha256(state, base, blocks.count / 64) }
    }
  }
}
