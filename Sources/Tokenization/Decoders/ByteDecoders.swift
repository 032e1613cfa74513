/// Decoders that put characters together from the bytes that tokens stand for.

/// Bytes for the characters of the byte alphabet: `ByteLevel`. A token with any other character
/// stands for itself. All is one text then, with U+FFFD for bytes that make no character.
struct ByteLevelDecoder: TokenDecoder {
  func decode(_ tokens: inout [[UInt8]]) {
    var bytes: [UInt8] = []
    for token in tokens { bytes += ByteAlphabet.bytes(of: token) ?? token }
    tokens = [Array(String(decoding: bytes, as: UTF8.self).utf8)]
  }
}

/// Characters for runs of byte tokens such as `<0xE4>`: `ByteFallback`. If a run is not well-formed
/// as a whole, each of its tokens becomes U+FFFD.
struct ByteFallbackDecoder: TokenDecoder {
  func decode(_ tokens: inout [[UInt8]]) {
    var output: [[UInt8]] = []
    var run: [UInt8] = []
    func endRun() {
      guard !run.isEmpty else { return }
      if String(validating: run, as: UTF8.self) != nil {
        output.append(run)
      } else {
        output += repeatElement(Array("\u{FFFD}".utf8), count: run.count)
      }
      run = []
    }
    for token in tokens {
      if let byte = Self.byte(token) {
        run.append(byte)
      } else {
        endRun()
        output.append(token)
      }
    }
    endRun()
    tokens = output
  }

  private static func byte(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">"),
      token[3] != UInt8(ascii: "+")
    else { return nil }
    return UInt8(String(decoding: token[3...4], as: UTF8.self), radix: 16)
  }
}
