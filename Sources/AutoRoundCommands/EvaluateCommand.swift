import ArgumentParser
import AutoRound
import Evaluation
import Foundation
import JSONText

/// `autoround evaluate`.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a checkpoint predicts a text.",
    discussion: """
      Prints the perplexity: the lower, the better; quantization raises it a little. Use a text \
      that was not used for calibration. With --against, the predictions of both checkpoints are \
      compared token by token, which shows small differences more surely: the Kullback-Leibler \
      divergence in nats (0: the same predictions), its 99th percentile, and how often both find \
      the same token most likely.

        autoround evaluate q4 --text held-out.txt
        autoround evaluate q4 --text held-out.txt --against Qwen3-0.6B --json

      The text is cut into windows of --sequence-length tokens without overlap and without special \
      tokens; every token of a window but its first is predicted from those before it.
      """)

  @Argument(
    help: "Folder of the checkpoint, quantized or not, or a file of llama.cpp.", completion: .file()
  )
  var checkpoint: String

  @Option(help: "File with the text, in UTF-8.", completion: .file())
  var text: String

  @Option(help: "Folder of the checkpoint to compare with.", completion: .directory)
  var against: String?

  @Option(help: "Tokens per window.")
  var sequenceLength = 512

  @OptionGroup var computing: ComputeOptions

  @Flag(help: "Print one JSON object instead.")
  var json = false

  @OptionGroup var hub: HubOptions

  func validate() throws {
    try require("--sequence-length", sequenceLength, in: 2...1_048_576)
  }

  func run() throws {
    let printer = ProgressPrinter()
    try reportingFailure {
      defer { printer.clear() }
      computing.useThreads()
      let evaluation = Evaluation(
        model: URL(filePath: checkpoint), reference: against.map { URL(filePath: $0) },
        sequenceLength: sequenceLength, compute: computing.type
      ) { share in printer.show(status: "evaluating  \(Int(share * 100)) %") }
      let report = try evaluation.run(onText: URL(filePath: text))
      printer.clear()
      try StandardOutput.print(json ? [report.json.text()] : report.lines)
    }
  }
}
