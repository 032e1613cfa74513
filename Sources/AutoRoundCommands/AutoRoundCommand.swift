public import ArgumentParser
import AutoRound
import MatrixProducts
import Reporting

/// `autoround`, the root of all commands.
public struct AutoRoundCommand: ParsableCommand {
  /// The name, the help and the commands.
  public static let configuration = CommandConfiguration(
    commandName: "autoround",
    abstract: "Quantize language-model checkpoints with AutoRound.",
    discussion: """
      A checkpoint is a folder as Hugging Face has it: config.json, tokenizer.json and \
      model.safetensors. Or it is the name of a model, owner/name or owner/name@revision, which is \
      looked for in the cache of the hub's client (HF_HUB_CACHE, else hub in HF_HOME) and \
      downloaded into it if it is not there. HF_TOKEN and HF_ENDPOINT mean what they mean for the \
      hub's client; with --offline or HF_HUB_OFFLINE=1 nothing is downloaded.

        autoround quantize Qwen/Qwen3-0.6B
        autoround inspect Qwen3-0.6B-W4A16
        autoround evaluate Qwen3-0.6B-W4A16 --text held-out.txt --against Qwen/Qwen3-0.6B
        autoround generate Qwen3-0.6B-W4A16 --prompt "Once upon a time"
        autoround chat Qwen3-0.6B-W4A16

      Results go to standard output, progress and errors to standard error. The exit code is 0 for \
      success, 1 for an error in what was read, computed or written, 64 for a command line that makes \
      no sense, 129, 130 and 143 for a run that was interrupted and can be continued.

      --generate-completion-script bash (or zsh, fish) prints a script that completes commands and \
      options.
      """,
    version: ProgramVersion.text(matrixLibrary: MatrixLibrary.description),
    subcommands: [
      PlanCommand.self, QuantizeCommand.self, EvaluateCommand.self, GenerateCommand.self,
      ChatCommand.self, InspectCommand.self, VerifyCommand.self, DiffCommand.self,
      ConvertCommand.self, ImportanceCommand.self, ListCommand.self,
    ])

  /// A command with nothing set; arguments are parsed into it.
  public init() {}
}
