import CKernels
import Checksums
import TestSupport
import Testing

/// Against the examples that NIST publishes for FIPS 180-4, and against itself in pieces.
@Suite(.serialized) struct SHA256Tests {
  private static let vectors: [(message: [UInt8], digest: String)] = [
    ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      Array(
        ("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
          + "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu").utf8),
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    (
      [UInt8](repeating: 0x61, count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
    (
      [UInt8](repeating: 0, count: 64),
      "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"
    ),
  ]

  @Test(arguments: [CK_ISA_PORTABLE, ck_isa_available()])
  func givesThePublishedDigests(_ isa: ck_isa) {
    ck_isa_use(isa)
    defer { ck_isa_use(ck_isa_available()) }
    for (message, digest) in Self.vectors {
      #expect(SHA256.hexadecimal(of: message) == digest)
      #expect(message.withUnsafeBytes { SHA256.hexadecimal(of: $0) } == digest)
    }
  }

  @Test func piecesDoNotMatter() {
    var generator = SeededGenerator(seed: 7)
    let message = (0..<1000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    for length in [55, 56, 57, 63, 64, 65, 119, 120, 121, 1000] {
      let whole = SHA256.hexadecimal(of: Array(message.prefix(length)))
      for _ in 0..<10 {
        var sum = SHA256()
        var start = 0
        while start < length {
          let end = min(length, start + Int.random(in: 0...130, using: &generator))
          sum.update(Array(message[start..<end]))
          start = end
        }
        #expect(sum.hexadecimal == whole)
      }
    }
  }
}
