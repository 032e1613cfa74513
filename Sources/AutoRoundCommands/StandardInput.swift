import Diagnostics
import Foundation

/// Lines of standard input.
enum StandardInput {
  /// Most bytes of a line.
  private static let byteCountLimit = 1 << 20

  /// The next line, without its end; nil where there is none.
  ///
  /// - Throws: `malformed` for a line that is not UTF-8 or too long, and `unreadable`.
  static func line() throws(InputError) -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      if count < 0 {
        guard errno == EINTR || errno == EAGAIN else {
          throw failure(.unreadable, "cannot be read: \(systemMessage(errno))")
        }
        if errno == EAGAIN {
          var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
          poll(&waiting, 1, -1)
        }
        continue
      }
      if count == 0 && bytes.isEmpty { return nil }
      if count == 0 || byte == UInt8(ascii: "\n") { break }
      guard bytes.count < byteCountLimit else {
        throw failure(.malformed, "has a line of more than \(byteCountLimit) bytes")
      }
      bytes.append(byte)
    }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    guard let line = String(validating: bytes, as: UTF8.self) else {
      throw failure(.malformed, "is not text in UTF-8")
    }
    return line
  }

  private static func failure(_ code: InputError.Code, _ message: String) -> InputError {
    InputError(code, source: "standard input", message)
  }
}
