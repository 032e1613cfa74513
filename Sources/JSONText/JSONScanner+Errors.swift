package import Diagnostics

extension JSONScanner {
  /// An error at the current position, for a reader that finds a value of the wrong kind or range.
  package func failure(_ message: String) -> InputError {
    InputError(.malformed, place: place, message)
  }

  /// An error at the current position that says what stands there and what should.
  package func failure(expected: String) -> InputError {
    failure("found \(found), expected \(expected)")
  }

  /// Line and column of the current position, both from 1; the column counts scalars.
  private var place: String {
    let before = bytes[..<position]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let line = 1 + before.count { $0 == 0x0A }
    let column = 1 + before[lineStart...].count { $0 & 0xC0 != 0x80 }
    return "line \(line), column \(column)"
  }

  private var found: String {
    guard let byte = byteAtPosition else { return "the end of the document" }
    if bytes[position...].starts(with: [0xEF, 0xBB, 0xBF]) { return "a byte order mark" }
    switch byte {
    case 0x21...0x7E: return "'\(Unicode.Scalar(byte))'"
    default: return "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
  }
}
