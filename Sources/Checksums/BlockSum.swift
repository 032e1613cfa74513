/// A digest of bytes that come in pieces.
package protocol Checksum: Sendable {
  /// Takes the next bytes.
  mutating func update(_ bytes: UnsafeRawBufferPointer)
  /// The digest of all bytes so far, in hexadecimal digits.
  var hexadecimal: String { get }
}

extension Checksum {
  /// Takes the next bytes.
  package mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }
}

/// What SHA-1 and SHA-256 have in common: blocks of 64 bytes, and what is put after the last byte. FIPS 180-4, sections
/// 5.1.1 and 5.2.1.
struct BlockSum: Sendable {
  /// Takes whole blocks into the state.
  typealias Compression = (_ state: inout [UInt32], _ blocks: UnsafeRawBufferPointer) -> Void

  private var state: [UInt32]
  private var rest: [UInt8] = []
  private var byteCount: UInt64 = 0

  init(_ state: [UInt32]) { self.state = state }

  mutating func update(_ bytes: UnsafeRawBufferPointer, _ compress: Compression) {
    byteCount &+= UInt64(bytes.count)
    var bytes = bytes[...]
    if !rest.isEmpty {
      let missing = bytes.prefix(64 - rest.count)
      rest.append(contentsOf: missing)
      bytes = bytes.dropFirst(missing.count)
      guard rest.count == 64 else { return }
      rest.withUnsafeBytes { compress(&state, $0) }
      rest.removeAll(keepingCapacity: true)
    }
    let blocks = bytes.prefix(bytes.count / 64 * 64)
    compress(&state, UnsafeRawBufferPointer(rebasing: blocks))
    rest.append(contentsOf: bytes.dropFirst(blocks.count))
  }

  func hexadecimal(_ compress: Compression) -> String {
    var sum = self
    let length = (byteCount &* 8).bigEndian
    let padding = [0x80] + [UInt8](repeating: 0, count: (119 - rest.count) % 64)
    padding.withUnsafeBytes { sum.update($0, compress) }
    withUnsafeBytes(of: length) { sum.update($0, compress) }
    return sum.state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }
}
