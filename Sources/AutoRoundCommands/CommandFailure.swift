import ArgumentParser
import AutoRound
import Foundation

/// Runs the work of a command; an error becomes one line on standard error and exit code 1.
func reportingFailure(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch {
    let file = FileHandle.standardError
    let styling = Styling(
      isTerminal: isatty(file.fileDescriptor) == 1,
      environment: ProcessInfo.processInfo.environment)
    // Nothing is left to tell the user by if standard error cannot be written to.
    try? file.write(contentsOf: Data("\(styling.error("error:")) \(error)\n".utf8))
    throw ExitCode.failure
  }
}
