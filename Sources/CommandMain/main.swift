import AutoRoundCommands

AutoRoundCommand.start(Array(CommandLine.arguments.dropFirst()))
