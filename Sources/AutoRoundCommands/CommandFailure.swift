import ArgumentParser
import AutoRound
import Diagnostics
import Foundation

/// Runs the work of a command; an error becomes one line on standard error and exit code 1. A run that
/// a signal has stopped exits with 128 and the signal's number.
///
/// - Parameter logs: Files that are told of the error as well.
func reportingFailure(_ logs: [RunLog] = [], _ body: () throws -> Void) throws {
  FileSignals.watch()
  do {
    try requireDescriptors()
    try body()
  } catch {
    var (message, code) = (error is CocoaError ? systemReason(error) : "\(error)", ExitCode.failure)
    if let interruption = error as? RunInterruption {
      message = text(of: interruption)
      code = ExitCode(128 + (Interruption.signal ?? 2))
    }
    for log in logs { log.add(error: message) }
    let styling = Styling(
      isTerminal: isatty(STDERR_FILENO) == 1, environment: ProcessInfo.processInfo.environment)
    complain("\(styling.error("error:")) \(message)\n")
    throw code
  }
}

/// Writes on standard error. Nothing is left to tell the user by if that cannot be written to.
func complain(_ text: String) {
  _ = Array(text.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Refuses to begin where hardly any file can be opened: libraries that this program stands on end the process
/// then, or go on without what they did not get.
private func requireDescriptors() throws(InputError) {
  var opened: [Int32] = []
  defer { for descriptor in opened { close(descriptor) } }
  for _ in 0..<16 {
    let descriptor = dup(STDERR_FILENO)
    guard descriptor >= 0 else {
      throw InputError(
        .unreadable, "hardly any file can be opened: \(systemMessage(errno)); see ulimit -n")
    }
    opened.append(descriptor)
  }
}

private func text(of interruption: RunInterruption) -> String {
  guard interruption.finishedBlocks > 0 else {
    return "\(interruption), and the same command starts again"
  }
  let command = CommandLine.arguments.filter { $0 != "--restart" }.map(shellWord)
  return "\(interruption.summary); to go on: \(command.joined(separator: " "))"
}
