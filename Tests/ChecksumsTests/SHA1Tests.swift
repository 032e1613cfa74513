import Checksums
import Testing

/// Vectors of FIPS 180 and what git says.
@Suite struct SHA1Tests {
  @Test func knownDigests() {
    let text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    for (bytes, digest) in [
      (Array("abc".utf8), "a9993e364706816aba3e25717850c26c9cd0d89d"),
      (Array(text.utf8), "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
      ([], "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
      (
        [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000),
        "34aa973cd4c4daa4f61eeb2bdbad27316534016f"
      ),
    ] {
      var sum = SHA1()
      sum.update(bytes)
      #expect(sum.hexadecimal == digest)
    }
  }

  @Test func piecesAreTheSame() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    var whole = SHA1()
    whole.update(bytes)
    for size in [1, 3, 63, 64, 65, 130] {
      var sum = SHA1()
      for start in stride(from: 0, to: bytes.count, by: size) {
        sum.update(Array(bytes[start..<min(start + size, bytes.count)]))
      }
      #expect(sum.hexadecimal == whole.hexadecimal)
    }
  }

  /// `git hash-object` of an empty file, and of one line.
  @Test func gitsNames() {
    #expect(
      SHA1(gitBlobOf: 0).hexadecimal == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    var sum = SHA1(gitBlobOf: 6)
    sum.update(Array("hello\n".utf8))
    #expect(sum.hexadecimal == "ce013625030ba8dba906f756967f9e9ca394464a")
  }
}
