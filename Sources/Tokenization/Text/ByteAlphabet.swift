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

  /// The byte for each scalar from U+0000 to U+0143, or -1.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = Int16(byte) }
    return bytes
  }()

  /// Appends the characters that stand for `text` to `output`, in UTF-8.
  static func append(_ text: Span<UInt8>, to output: inout [UInt8]) {
    for index in 0..<text.count {
      output.append(contentsOf: scalars[Int(text[index])].utf8)
    }
  }

  /// The bytes that `text` (in UTF-8) stands for, or nil if it has a character beyond the alphabet.
  static func bytes(of text: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = text.startIndex
    while position < text.endIndex {
      let (value, next) = text.span.scalar(at: position - text.startIndex)
      guard value < bytes.count, bytes[Int(value)] >= 0 else { return nil }
      result.append(UInt8(bytes[Int(value)]))
      position = text.startIndex + next
    }
    return result
  }
}
