import ArgumentParser
import AutoRound
import Diagnostics
import Foundation
import JSONText
import Recordings

/// `autoround quantize`.
struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Quantize the linear layers of a checkpoint.",
    discussion: """
      For each decoder block, learns how to round every weight and how far each group of weights \
      reaches, so that the block's output on calibration text changes least. The result is a \
      checkpoint in the compressed-tensors format, which vLLM and transformers load; its folder \
      appears when it is complete.

        autoround quantize Qwen/Qwen3-0.6B
        autoround quantize Qwen3-0.6B --output q4
        autoround quantize Qwen3-0.6B --output q2 --scheme W2A16 --preset best
        autoround quantize Qwen3-0.6B --output q --recipe recipe.yaml
        autoround quantize Qwen3-0.6B --output q --calibration my.jsonl --samples 256
        autoround quantize Qwen3-0.6B --bits 3 --group-size 64 --asym
        autoround quantize Qwen3-0.6B --scheme W2A16 --layers 2
        autoround quantize Qwen3-0.6B --output rtn --iterations 0
        autoround quantize NewModel --output q --model-free --scheme MXFP8

      Calibration text is a .jsonl file with a record {"text": ...} or {"input_ids": [...]} per \
      line, or a .txt file. Records are cut at --sequence-length tokens, and shorter ones are joined \
      (--short); running text is cut into windows. Without --calibration a built-in text is used: books \
      in English.

      A recipe is YAML as LLM Compressor has it:

        quantization_stage:
          quantization_modifiers:
            AutoRoundModifier: {scheme: W4A16, ignore: [lm_head]}

      Options go before the recipe, the recipe before --preset.

      Before the folder appears, its files are read again and compared with the source, and its \
      predictions, on calibration text that was held out, with the source's and with those of plain \
      rounding. A model card, report.html, quantization_report.json and SHA256SUMS tell what was done. \
      autoround help plan says how to see beforehand what a run takes.

      A run that is cut off, by Ctrl-C, a signal or a failure, leaves what it has in the folder \
      <output>.partial; the same command goes on after the last finished block and writes the same \
      bytes as if nothing had happened.
      """)

  @Option(
    help: "Folder to write. (default: the model's name and the scheme, in the working folder)",
    completion: .directory)
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Try the first blocks only, and write nothing.",
      discussion: """
        Tells their losses, which are those of a whole run, and how long all blocks would take. For a \
        comparison of schemes and settings.
        """))
  var layers: Int?

  @OptionGroup var options: QuantizeOptions

  func validate() throws {
    guard let layers else { return }
    try require("--layers", layers, in: 1...1 << 20)
    if options.dryRun {
      throw ValidationError("--layers and --dry-run exclude each other; keep one of them")
    }
  }

  func run() throws {
    // Where none was given, `findCheckpoints` has named one.
    let output = output ?? ""
    if options.dryRun { return try options.printPlan(output: output) }
    let printer = ProgressPrinter()
    Interruption.watch()
    var logs: [RunLog] = []
    try reportingFailure {
      logs = try options.reports.openLogs()
    }
    try reportingFailure(logs) {
      defer { printer.clear() }
      let job = try options.job(output: output, printer)
      let observer = ObserverList([printer] + logs)
      let json =
        try layers.map { try job.trial(blockCount: $0, observer: observer).json }
        ?? job.run(observer: observer).json
      if options.json { try StandardOutput.print([json.text()]) }
    }
  }
}
