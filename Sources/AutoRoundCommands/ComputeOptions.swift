import ArgumentParser
import CPU
import Compute
import Recordings
import Tensors

/// How a command computes; the same for all commands that do.
struct ComputeOptions: ParsableArguments {
  /// The choices of `--compute`.
  enum Choice: String, CaseIterable, ExpressibleByArgument {
    case auto, bf16, f32
  }

  @Option(
    help: ArgumentHelp(
      "Type of the matrix products.",
      discussion: "auto is bf16 where the processor multiplies it in hardware, else f32."))
  var compute = Choice.auto

  @Option(help: "Threads; one for each processor that this process may use unless given.")
  var threads: Int?

  /// The type that was chosen.
  var type: ComputeType {
    switch compute {
    case .auto: .automatic
    case .bf16: .bfloat16
    case .f32: .float32
    }
  }

  /// Makes the process compute with as many threads as were asked for.
  func useThreads() {
    if let threads { ThreadTeam.size = threads }
  }

  func validate() throws {
    if let threads { try require("--threads", threads, in: 1...ThreadTeam.sizeLimit) }
  }
}
