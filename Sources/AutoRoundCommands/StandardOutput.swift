import Diagnostics
import Foundation

/// Results on standard output, where what cannot be written is an error.
enum StandardOutput {
  /// Writes lines of text.
  ///
  /// - Throws: As ``write(_:)``.
  static func print(_ lines: [String]) throws(InputError) {
    try write(lines.map { $0 + "\n" }.joined())
  }

  /// Writes text at once.
  ///
  /// - Throws: `unwritable`; but not where a pipe is closed, whose reader has read all that it wants.
  static func write(_ text: String) throws(InputError) {
    var left = Array(text.utf8)[...]
    while !left.isEmpty {
      let count = left.withUnsafeBytes { writeSome($0) }
      if count >= 0 {
        left = left.dropFirst(count)
      } else if errno == EPIPE {
        return
      } else if errno == EAGAIN {
        var waiting = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        poll(&waiting, 1, -1)
      } else if errno != EINTR {
        throw InputError(
          .unwritable, source: "standard output", "cannot be written: \(systemMessage(errno))")
      }
    }
  }

  /// Makes sure that the numbers of the standard files are taken, so that no file that is opened later gets
  /// one of them, and results with it.
  static func keepStandardFiles() {
    // Lowest first: open takes the lowest number that is free. What cannot be written stays so.
    for (number, flags) in [
      (STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDWR),
    ]
    where fcntl(number, F_GETFD) < 0 {
      _ = open("/dev/null", flags)
    }
  }
}

/// The type has a function of the system's name.
private func writeSome(_ bytes: UnsafeRawBufferPointer) -> Int {
  write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
}
