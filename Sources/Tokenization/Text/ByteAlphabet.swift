/// One printable character for each byte, in which byte-level vocabularies are written.
///
/// Bytes that are printable characters of Latin-1 (0x21–0x7E, 0xA1–0xAC, 0xAE–0xFF) stand for
/// themselves; the other 68, in ascending order, for U+0100 and the characters after it.
enum ByteAlphabet {
  /// The scalar for each byte.
  static let scalars: [Unicode.Scalar] = {
    var spare: UInt16 = 0x100
    return (0...255 as ClosedRange<UInt8>).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
        return Unicode.Scalar(byte)
      default:
        defer { spare += 1 }
        return Unicode.Scalar(spare) ?? Unicode.Scalar(byte)
      }
    }
  }()

  /// The byte for each scalar of the alphabet.
  private static let bytes = Dictionary(
    uniqueKeysWithValues: zip(scalars, 0...255 as ClosedRange<UInt8>))

  /// Appends the characters that stand for `text` to `output`, in UTF-8.
  static func append(_ text: Span<UInt8>, to output: inout [UInt8]) {
    for index in 0..<text.count {
      output.append(contentsOf: scalars[Int(text[index])].utf8)
    }
  }

  /// The bytes that `text` (in UTF-8) stands for, or nil if it has a character beyond the alphabet.
  static func bytes(of text: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      guard let byte = bytes[scalar] else { return nil }
      result.append(byte)
    }
    return result
  }
}
