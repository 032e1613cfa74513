public import ArgumentParser

/// `autoround`, the root of all commands.
public struct AutoRoundCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "autoround",
    abstract: "Quantize language-model checkpoints with AutoRound.",
    version: "0.1.0")

  public init() {}
}
