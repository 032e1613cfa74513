import AutoRound
import Diagnostics
import Foundation
import JSONText

extension FuzzTarget {
  /// Events of a run on a pipe. Each byte is something that the run or the pipe's reader does; what the reader
  /// gets must be whole lines, whoever comes, goes, reads slowly or not at all.
  static let events = FuzzTarget(
    name: "events", isJSON: false,
    words: ["o", "c", "r", "R", "l", "x", "e", "w", "W", "f", "t", "WWWW", "oc", "lx"]
  ) { bytes in
    var pipe = EventPipe()
    defer { pipe.close() }
    for byte in bytes.prefix(400) { try pipe.perform(byte) }
  }
}

/// A named pipe with a run at one end and a reader at the other, either of which may be missing.
private struct EventPipe {
  private static let url: URL = {
    let url = FuzzTarget.scratch.appending(path: "events")
    guard mkfifo(url.path, 0o600) == 0 else { fatalError("\(url.path) cannot be made") }
    return url
  }()
  /// F_SETPIPE_SZ, which Swift does not see: 1024 + 7.
  private static let setPipeSize: CInt = 1031

  private var log: RunLog?
  private var reader: CInt?
  /// What the reader has got since the last line that was whole.
  private var line: [UInt8] = []
  /// Whether a run, or a reader, has left in the middle: then lines need not be whole.
  private var isTorn = false

  mutating func perform(_ action: UInt8) throws {
    switch UnicodeScalar(action) {
    case "o":
      guard reader == nil else { return }
      reader = open(Self.url.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      // As small as it may be, so that it is often full.
      _ = fcntl(reader ?? -1, Self.setPipeSize, 4096)
    case "c":
      guard let descriptor = reader else { return }
      Foundation.close(descriptor)
      (reader, line, isTorn) = (nil, [], isTorn || log != nil)
    case "l":
      guard log == nil else { return }
      do {
        log = try RunLog(.events, file: Self.url)
        log?.patience = 0
      } catch {
        guard reader == nil else { throw error }
        return
      }
      guard reader != nil else { fatalError("a pipe that nobody reads was opened") }
    case "x":
      isTorn = isTorn || log != nil
      log = nil
    case "r": read(atMost: 100)
    case "R": while read(atMost: 4096) {}
    case "e": log?.observe(.iteration(block: 1, iteration: 2, of: 3, loss: 0.25))
    case "w": log?.observe(.warning("a \"name\"\n\u{1F600}\u{0}\\"))
    case "W": log?.observe(.warning(String(repeating: "\u{E9}", count: 3000)))
    case "f": log?.add(error: "it failed")
    case "t": _ = log?.takeLoss()
    default: break
    }
  }

  /// Reads, and looks at each line that is complete.
  ///
  /// - Returns: Whether there was something.
  @discardableResult private mutating func read(atMost limit: Int) -> Bool {
    guard let reader else { return false }
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = Foundation.read(reader, &bytes, limit)
    guard count > 0 else { return false }
    for byte in bytes[..<count] {
      guard byte == UInt8(ascii: "\n") else {
        line.append(byte)
        continue
      }
      if !isTorn, (try? JSONValue.parse(line))?["time"]?.doubleValue == nil {
        fatalError("a line that is no event: \(String(decoding: line, as: UTF8.self))")
      }
      line = []
    }
    return true
  }

  mutating func close() {
    log = nil
    if let reader { Foundation.close(reader) }
    reader = nil
  }
}
