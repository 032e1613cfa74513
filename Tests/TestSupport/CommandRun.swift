import Dispatch
package import Foundation

/// A command that ran to its end, for tests of the executables.
package struct CommandRun: Sendable {
  /// Exit status; 128 plus the signal's number if a signal ended it.
  package let status: Int
  package let standardOutput: String
  package let standardError: String

  /// Runs `executable` and waits; ends it and throws if it takes longer than `seconds`.
  ///
  /// - Parameters:
  ///   - environment: What to add to this process's environment, or to replace in it.
  ///   - folder: Where to run; this process's working folder if nil.
  ///   - input: What the command reads from standard input.
  package init(
    _ executable: URL, _ arguments: [String], environment: [String: String] = [:],
    in folder: URL? = nil, input: String = "", within seconds: Double = 120
  ) throws {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment
      .merging(environment) { _, added in added }
    process.currentDirectoryURL = folder
    // Files rather than pipes: a command that writes much never waits for a reader.
    (status, standardOutput, standardError) = try withTemporaryFolder { scratch in
      let (output, errors) = (scratch.appending(path: "output"), scratch.appending(path: "errors"))
      for file in [output, errors] { try Data().write(to: file) }
      let read = scratch.appending(path: "input")
      try Data(input.utf8).write(to: read)
      process.standardInput = try FileHandle(forReadingFrom: read)
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = try FileHandle(forWritingTo: errors)
      let ended = DispatchSemaphore(value: 0)
      process.terminationHandler = { _ in ended.signal() }
      try process.run()
      if ended.wait(timeout: .now() + seconds) == .timedOut {
        process.terminate()
        throw CommandTimeout(command: [executable.path] + arguments, seconds: seconds)
      }
      let signalled = process.terminationReason == .uncaughtSignal
      return (
        Int(process.terminationStatus) + (signalled ? 128 : 0),
        String(decoding: try Data(contentsOf: output), as: UTF8.self),
        String(decoding: try Data(contentsOf: errors), as: UTF8.self)
      )
    }
  }

  /// An executable of this package, beside the tests that are running.
  package static func product(_ name: String) -> URL {
    Bundle.main.bundleURL.appending(path: name)
  }
}

/// A command did not end in time.
package struct CommandTimeout: Error {
  package let command: [String]
  package let seconds: Double
}
