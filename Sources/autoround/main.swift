import ArgumentParser
import AutoRoundCommands

AutoRoundCommand.main()
