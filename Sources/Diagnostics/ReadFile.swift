import Foundation

/// The system's text for an error number.
package func systemMessage(_ code: CInt) -> String { String(cString: strerror(code)) }

/// The most bytes of a model's `config.json` that are read: a hundred times those of a long one.
package let configurationByteCountLimit = 8 << 20

/// Checks that `path` is a regular file that can be opened.
///
/// - Throws: As ``readFile(_:limit:acceptsPipes:)`` does.
package func requireFile(_ path: String) throws(InputError) {
  close(try openFile(path).descriptor)
}

/// All bytes of a regular file, or, where that is wanted, of a pipe that somebody has opened for writing.
///
/// - Parameters:
///   - limit: Most bytes that are read; a file with more is an error.
///   - acceptsPipes: Whether a pipe is read to its end.
/// - Throws: `InputError` with the path as its source: `unreadable`, with the system's reason, or `invalidValue`
///   for a file beyond the limit.
package func readFile(
  _ path: String, limit: Int = 1 << 31, acceptsPipes: Bool = false
) throws(InputError) -> [UInt8] {
  let (descriptor, size) = try openFile(path, acceptsPipes: acceptsPipes)
  defer { close(descriptor) }
  // Read before it had a writer, a pipe looks as if it had ended.
  if acceptsPipes { try wait(for: descriptor, path, milliseconds: 10_000) }
  func tooLarge() -> InputError {
    InputError(.invalidValue, source: path, "has more than \(limit) bytes, the most that are read")
  }
  guard size <= limit else { throw tooLarge() }
  var bytes = [UInt8](repeating: 0, count: max(size, 1 << 12) + 1)
  var count = 0
  while true {
    if count == bytes.count { bytes.append(contentsOf: repeatElement(0, count: count)) }
    let got = bytes.withUnsafeMutableBytes {
      read(descriptor, $0.baseAddress! + count, $0.count - count)
    }
    if got > 0 {
      count += got
      guard count <= limit else { throw tooLarge() }
    } else if got == 0 {
      bytes.removeLast(bytes.count - count)
      return bytes
    } else if errno == EAGAIN {
      // Its writer has not written yet.
      try wait(for: descriptor, path, milliseconds: -1)
    } else if errno != EINTR {
      throw InputError(
        .unreadable, source: path, "cannot be read: \(systemMessage(errno))")
    }
  }
}

/// Waits until there is something to read, or a pipe's writer has left. A signal ends the waiting.
///
/// - Parameter milliseconds: How long; -1: without end.
private func wait(
  for descriptor: CInt, _ path: String, milliseconds: CInt
) throws(InputError) {
  var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  let count = poll(&waiting, 1, milliseconds)
  guard count <= 0 else { return }
  throw InputError(
    .unreadable, source: path,
    count == 0
      ? "is a pipe that nobody has written to for ten seconds"
      : "the wait for its writer was cut off")
}

/// Opens a file for reading; the caller closes its descriptor.
///
/// - Throws: As ``readFile(_:limit:acceptsPipes:)`` does.
package func openFile(
  _ path: String, acceptsPipes: Bool = false
) throws(InputError) -> (descriptor: CInt, size: Int) {
  func failure(_ message: String) -> InputError {
    InputError(.unreadable, source: path, message)
  }
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw failure("cannot be opened: \(systemMessage(errno))") }
  var status = stat()
  let failed = fstat(descriptor, &status) != 0
  let type = status.st_mode & S_IFMT
  let problem: String?
  if failed {
    problem = "cannot be examined: \(systemMessage(errno))"
  } else if type == S_IFDIR {
    problem = "is a folder, expected a file"
  } else {
    problem = type == S_IFREG || acceptsPipes && type == S_IFIFO ? nil : "is not a regular file"
  }
  if let problem {
    close(descriptor)
    throw failure(problem)
  }
  return (descriptor, Int(status.st_size))
}
