package import Diagnostics

extension JSONScanner {
  /// Reads a string.
  package mutating func readString() throws(InputError) -> String {
    var text: [UInt8] = []
    try readString(appendingTo: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Reads a string and appends its UTF-8 form, escapes resolved, to `text`.
  package mutating func readString(appendingTo text: inout [UInt8]) throws(InputError) {
    guard try peek() == .string else { throw failure(expected: "a string") }
    position += 1
    var start = position  // of the bytes that are not appended yet
    while let byte = byteAtPosition {
      switch byte {
      case UInt8(ascii: "\""):
        text.append(contentsOf: bytes[start..<position])
        position += 1
        return
      case UInt8(ascii: "\\"):
        text.append(contentsOf: bytes[start..<position])
        try readEscape(appendingTo: &text)
        start = position
      case ..<0x20:
        throw failure("a control character inside a string; it must be escaped")
      case ..<0x80:
        position += 1
      default:
        try skipScalar()
      }
    }
    throw failure(expected: "'\"' at the end of a string")
  }

  private mutating func readEscape(appendingTo text: inout [UInt8]) throws(InputError) {
    let start = position
    position += 1
    guard let byte = byteAtPosition else { throw failure(expected: "the rest of an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      let scalar = try readEscapedScalar(from: start)
      text.append(contentsOf: scalar.utf8)
    default:
      position = start
      throw failure("an unknown escape in a string")
    }
  }

  /// The scalar of `\uXXXX`, or of two of them that are a surrogate pair, read from behind the
  /// first `u`. Half a pair stands for no character, so it is an error.
  private mutating func readEscapedScalar(
    from start: Int
  ) throws(InputError) -> Unicode.Scalar {
    let first = try readFourHexDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    if first < 0xDC00, byteAtPosition == UInt8(ascii: "\\"), position + 1 < bytes.count,
      bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      let second = try readFourHexDigits()
      if (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    position = start
    throw failure("an escaped surrogate without its other half")
  }

  private mutating func readFourHexDigits() throws(InputError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch byteAtPosition ?? 0 {
      case let byte where byte >= 0x30 && byte <= 0x39: digit = byte - 0x30
      case let byte where byte >= 0x41 && byte <= 0x46: digit = byte - 0x41 + 10
      case let byte where byte >= 0x61 && byte <= 0x66: digit = byte - 0x61 + 10
      default: throw failure(expected: "four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// Skips one scalar beyond ASCII, if its bytes are well-formed UTF-8.
  private mutating func skipScalar() throws(InputError) {
    var parser = Unicode.UTF8.ForwardParser()
    var rest = bytes[position...].makeIterator()
    switch parser.parseScalar(from: &rest) {
    case .valid(let scalar): position += scalar.count
    case .error(length: 1): throw failure("a string with a byte that is not UTF-8")
    case .error, .emptyInput: throw failure("a string with bytes that are not UTF-8")
    }
  }
}
