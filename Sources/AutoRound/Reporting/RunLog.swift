public import Diagnostics
public import Foundation
import JSONText

/// Writes the events of a run to files, where they stay when the terminal is gone.
///
/// Lines are added at the end of a file that exists, so that a run and those that continue it are in one
/// file. What a full disk does not take is lost, and is no reason to stop a run.
public final class RunLog: RunObserver {
  /// How a file is written.
  public enum Form: Sendable {
    /// One JSON object for each event, with `time` in seconds since 1970: for machines.
    case events
    /// The lines that a run prints where there is no terminal, each with the time of day: for people.
    case lines
  }

  private let form: Form
  private let file: FileHandle
  private var text = ProgressText(isLive: false, styling: .plain, width: 200)
  private let start = ContinuousClock.now

  /// Opens a file, or creates it.
  ///
  /// - Throws: `InputError` of code `unwritable`.
  public init(_ form: Form, file url: URL) throws(InputError) {
    self.form = form
    let path = url.path(percentEncoded: false)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw InputError(
        .unwritable, source: path, "cannot be written: \(String(cString: strerror(errno)))")
    }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  public func observe(_ event: RunEvent) {
    let now = Date.now
    switch form {
    case .events:
      var json: JSONValue = ["time": JSONValue(now.timeIntervalSince1970)]
      for member in event.json.objectValue ?? [] { json.set(member.key, member.value) }
      put(json.text())
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
    case .events:
      let json: JSONValue = [
        "time": JSONValue(Date.now.timeIntervalSince1970), "event": "failed",
        "message": .string(message),
      ]
      put(json.text())
    case .lines: put("\(Date.now.formatted(.iso8601))  error: \(message)")
    }
  }

  private func put(_ line: String) {
    try? file.write(contentsOf: Data((line + "\n").utf8))
  }
}
