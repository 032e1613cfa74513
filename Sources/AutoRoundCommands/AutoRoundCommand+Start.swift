import ArgumentParser
import Diagnostics
import Foundation

extension AutoRoundCommand {
  /// Does what a command line asks for, and ends the process.
  ///
  /// - Parameter arguments: Without the name of the program.
  public static func start(_ arguments: [String]) -> Never {
    OptionName.nameFlags()
    StandardOutput.keepStandardFiles()
    do {
      var command = try parseAsRoot(CommandLineReading.checked(arguments))
      if var reading = command as? any CheckpointReading {
        try reading.findCheckpoints()
        command = reading
      }
      try command.run()
    } catch let error as CommandLineError {
      let help = ["autoround", error.command, "--help"].compactMap(\.self).joined(separator: " ")
      complain("error: \(error.message)\n  See '\(help)' for more information.\n")
      end(.validationFailure)
    } catch {
      let (text, code) = (fullMessage(for: error), exitCode(for: error))
      if code == .success {
        do throws(InputError) {
          try StandardOutput.print([text])
        } catch {
          complain("error: \(error)\n")
          end(.failure)
        }
      } else if !text.isEmpty {
        complain(inOurWords(text) + "\n")
      }
      end(code)
    }
    end(.success)
  }

  /// The parser's sentences, which begin with capital letters, as all errors begin.
  private static func inOurWords(_ text: String) -> String {
    let prefix = "Error: "
    guard text.hasPrefix(prefix) else { return text }
    let sentence = text.dropFirst(prefix.count)
    let isWord = sentence.dropFirst().first?.isLowercase == true
    return "error: "
      + (isWord ? sentence.prefix(1).lowercased() + sentence.dropFirst() : sentence[...])
  }
}

/// The command has a function of the system's name.
private func end(_ code: ExitCode) -> Never { exit(code.rawValue) }
