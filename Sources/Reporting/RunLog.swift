public import Diagnostics
public import Foundation
import JSONText

/// Writes the events of a run to files, where they stay when the terminal is gone.
///
/// Lines are added at the end of a file that exists, so that a run and those that continue it are in one
/// file. What a full disk does not take is lost, and so is what a pipe does not take whose reader does not read;
/// neither is a reason to stop a run, or to let it wait.
public final class RunLog: RunObserver {
  /// How a file is written.
  public enum Form: Sendable {
    /// One JSON object for each event, with `time` in seconds since 1970: for machines.
    case events
    /// The lines that a run prints where there is no terminal, each with the time of day: for people.
    case lines
  }

  private let form: Form
  private let path: String
  private let file: FileHandle
  private var text = ProgressText(isLive: false, styling: .plain, width: 200)
  private let start = ContinuousClock.now
  /// How long a pipe's reader is waited for, in milliseconds.
  package var patience: CInt = 1000
  /// The rest of a line of which a pipe took a part.
  private var rest = Data()
  private var isWaitedFor = true
  private var loss: InputError?
  private var isLossTold = false

  /// Opens a file, or creates it. A pipe must have a reader.
  ///
  /// - Throws: `InputError` of code `unwritable`.
  public init(_ form: Form, file url: URL) throws(InputError) {
    self.form = form
    path = url.path(percentEncoded: false)
    // Without O_NONBLOCK, opening a pipe would wait for a reader, and writing for one that does not read.
    let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
    let descriptor = open(path, flags, 0o666)
    guard descriptor >= 0 else {
      let reason =
        errno == ENXIO ? "it is a pipe that nobody reads" : String(cString: strerror(errno))
      throw InputError(.unwritable, source: path, "cannot be written: \(reason)")
    }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  /// Writes an event.
  public func observe(_ event: RunEvent) {
    let now = Date.now
    switch form {
    case .events: put(event.json, at: now)
    case .lines:
      let time = (ContinuousClock.now - start) / .seconds(1)
      for case .line(let line) in text.text(for: event, at: time) {
        put(line.isEmpty ? "" : "\(now.formatted(.iso8601))  \(line)")
      }
    }
  }

  /// Adds a line that is no event: why a run has failed.
  package func add(error message: String) {
    switch form {
    case .events: put(["event": "failed", "message": .string(message)], at: .now)
    case .lines: put("\(Date.now.formatted(.iso8601))  error: \(message)")
    }
  }

  /// What was lost first, the first time that somebody asks after it.
  package func takeLoss() -> InputError? {
    guard let loss, !isLossTold else { return nil }
    isLossTold = true
    return loss
  }

  private func put(_ event: JSONValue, at time: Date) {
    let time = JSONValue.Member("time", JSONValue(time.timeIntervalSince1970))
    put(JSONValue.object([time] + (event.objectValue ?? [])).text())
  }

  private func put(_ line: String) {
    if let code = write(rest) ?? write(Data((line + "\n").utf8)), loss == nil {
      loss = InputError(
        .unwritable, source: path, "lines are lost: \(String(cString: strerror(code)))")
    }
  }

  /// Writes bytes that begin a line or go on with one, and keeps what is left of a line that is begun.
  ///
  /// - Returns: The number of the error if bytes are left or lost.
  private func write(_ bytes: Data) -> CInt? {
    let isRest = !rest.isEmpty
    var left = bytes[...]
    while !left.isEmpty {
      let count = file.writeWithoutSignal(left)
      let code = errno
      if count >= 0 {
        left = left.dropFirst(count)
        isWaitedFor = true
      } else if code != EINTR, code != EAGAIN || !waitForReader() {
        rest = isRest || left.count < bytes.count ? Data(left) : Data()
        return code
      }
    }
    rest = Data()
    return nil
  }

  /// Waits until a pipe takes bytes again, as long as it has patience, and then no more until it does.
  private func waitForReader() -> Bool {
    guard isWaitedFor else { return false }
    var waiting = pollfd(fd: file.fileDescriptor, events: Int16(POLLOUT), revents: 0)
    isWaitedFor = poll(&waiting, 1, patience) > 0
    return isWaitedFor
  }
}
