import ArgumentParser
import Diagnostics
import JSONText

/// A command line that makes no sense, in words.
struct CommandLineError: Error {
  var message: String
  /// The command whose help says more; nil for that of all commands.
  var command: String?
}

/// Looks through a command line before it is parsed.
///
/// A command or an option that does not exist is named with what was probably meant, whatever else is missing. An
/// empty argument, which an unset variable of a shell leaves, is a mistake: as a path it would be the working
/// folder. And a value may begin with a dash, so that a negative number is told that it is negative.
enum CommandLineReading {
  /// The arguments in a form that the parser takes for what they are.
  ///
  /// - Parameter arguments: Without the name of the program.
  static func checked(_ arguments: [String]) throws(CommandLineError) -> [String] {
    guard let name = arguments.first, !name.hasPrefix("-") else { return arguments }
    if ListCommand.Subject(rawValue: name) != nil { return try checked(["list"] + arguments) }
    if name == "help" {
      let topic = arguments.dropFirst().first { !$0.hasPrefix("-") }
      if let topic, ListCommand.Subject(rawValue: topic) != nil { return ["help", "list"] }
      if let topic, command(named: topic) == nil { throw noCommand(topic) }
      return arguments
    }
    guard let command = command(named: name) else { throw noCommand(name) }
    let options = options(of: command)
    func requireText(_ value: String, _ place: String) throws(CommandLineError) {
      guard value.isEmpty, !takesEmptyText.contains(place) else { return }
      throw CommandLineError(
        message: "\(place) is empty; is a variable of the shell not set?", command: name)
    }
    func requireOption(_ next: String?, after option: String) throws(CommandLineError) {
      guard let next, options[String(next.prefix { $0 != "=" })] == nil else { return }
      throw CommandLineError(
        message:
          "\(option) has no value; one that begins with dashes is written \(option)=\(next)",
        command: name)
    }
    var result = [name]
    var rest = arguments.dropFirst()
    while let argument = rest.popFirst() {
      if argument == "--" {
        for word in rest { try requireText(word, "an argument") }
        return result + ["--"] + rest
      }
      guard argument.hasPrefix("--") else {
        try requireText(argument, "an argument")
        result.append(argument)
        continue
      }
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let option = String(parts[0])
      guard let kind = options[option] else { throw unknown(option, of: name, among: options.keys) }
      if parts.count > 1 { try requireText(String(parts[1]), option) }
      switch kind {
      case .value where parts.count == 1:
        guard let value = rest.first, !value.hasPrefix("--") else {
          try requireOption(rest.first, after: option)
          result.append(argument)  // The parser says that the value is missing.
          continue
        }
        rest.removeFirst()
        try requireText(value, option)
        // The parser takes nothing after an equals sign for a value that is missing.
        result += value.isEmpty ? [option, value] : ["\(option)=\(value)"]
      case .values:
        result.append(argument)
        while let value = rest.first, !value.hasPrefix("-") {
          rest.removeFirst()
          try requireText(value, option)
          result.append(value)
        }
      default: result.append(argument)
      }
    }
    return result
  }

  /// A text to continue may have no letters.
  private static let takesEmptyText = ["--prompt"]

  // MARK: Commands

  private static let commands = AutoRoundCommand.configuration.subcommands

  private static func command(named name: String) -> (any ParsableCommand.Type)? {
    commands.first { $0._commandName == name }
  }

  private static func noCommand(_ name: String) -> CommandLineError {
    let names = commands.map { $0._commandName }
    let known = names + ListCommand.Subject.allCases.map(\.rawValue)
    let advice =
      NearestName.suggestion(for: name, among: known).map { "did you mean \(quoted($0))?" }
      ?? "there are \(names.joined(separator: ", "))"
    return CommandLineError(message: "there is no command \(quoted(name)); \(advice)")
  }

  // MARK: Options

  private enum Kind {
    case flag, value, values
  }

  /// The options of a command, as the parser itself describes them.
  private static func options(of command: any ParsableCommand.Type) -> [String: Kind] {
    var options: [String: Kind] = [:]
    for name in ["help", "help-hidden", "version"] { options["--\(name)"] = .flag }
    let description = try? JSONValue.parse(command._dumpHelp())
    for argument in description?["command"]?["arguments"]?.arrayValue ?? [] {
      let kind: Kind =
        argument["kind"]?.stringValue == "flag"
        ? .flag
        : argument["parsingStrategy"]?.stringValue == "upToNextOption" ? .values : .value
      for name in argument["names"]?.arrayValue ?? [] where name["kind"]?.stringValue == "long" {
        options["--\(name["name"]?.stringValue ?? "")"] = kind
      }
    }
    return options
  }

  /// What one may call options of any command.
  private static let otherNames = [
    "--force": "--overwrite", "--num-samples": "--samples", "--reference": "--against",
  ]

  private static func unknown(
    _ option: String, of command: String, among known: some Sequence<String>
  ) -> CommandLineError {
    let known = known.sorted()
    let dashed = option.replacing("_", with: "-")
    let meant =
      [dashed, otherNames[dashed] ?? ""].first(where: known.contains)
      ?? NearestName.suggestion(for: option, among: known)
    let quantizes = [QuantizeCommand._commandName, PlanCommand._commandName].contains(command)
    let foreign = ForeignOption.all.first { $0.isCalled(option) }
    let advice =
      foreign?.advice(among: known, quantizes: quantizes)
      ?? meant.map { "did you mean \(quoted($0))?" }
    return CommandLineError(
      message: "\(command) has no option \(quoted(option))" + (advice.map { "; \($0)" } ?? ""),
      command: command)
  }
}
