import ArgumentParser
import AutoRound
import Diagnostics

/// How tensors are spread over files; the same for all commands that write checkpoints.
struct ShardOptions: ParsableArguments {
  @Option(
    name: .customLong("max-shard-size"),
    help: ArgumentHelp(
      "Most bytes of tensors in one file. (default: 5GB)",
      discussion: "A tensor that is larger has a file of its own.", valueName: "size"))
  var size: String?

  /// Most bytes of tensors in one file; nil where nothing was asked for.
  var byteCountLimit: Int? {
    get throws {
      try naming("--max-shard-size") { try size.map { try MemoryBudget($0).byteCount } }
    }
  }

  func validate() throws { try checkingArguments { _ = try byteCountLimit } }
}
