import ArgumentParser
import AutoRound
import Foundation

/// Runs the work of a command; an error becomes one line on standard error and exit code 1. A run that
/// a signal has stopped exits with 128 and the signal's number.
///
/// - Parameter logs: Files that are told of the error as well.
func reportingFailure(_ logs: [RunLog] = [], _ body: () throws -> Void) throws {
  FileSignals.watch()
  do {
    try body()
  } catch {
    var (message, code) = ("\(error)", ExitCode.failure)
    if let interruption = error as? RunInterruption {
      message = text(of: interruption)
      code = ExitCode(128 + (Interruption.signal ?? 2))
    }
    for log in logs { log.add(error: message) }
    let file = FileHandle.standardError
    let styling = Styling(
      isTerminal: isatty(file.fileDescriptor) == 1,
      environment: ProcessInfo.processInfo.environment)
    // Nothing is left to tell the user by if standard error cannot be written to.
    try? file.write(contentsOf: Data("\(styling.error("error:")) \(message)\n".utf8))
    throw code
  }
}

private func text(of interruption: RunInterruption) -> String {
  guard interruption.finishedBlocks > 0 else {
    return
      "interrupted before the first block was done; nothing is left behind, and the same command "
      + "starts again"
  }
  let blocks = "\(interruption.finishedBlocks) of \(interruption.blockCount) blocks"
  let command = CommandLine.arguments.filter { $0 != "--restart" }.map(shellWord)
  return "interrupted after \(blocks); to go on: \(command.joined(separator: " "))"
}
