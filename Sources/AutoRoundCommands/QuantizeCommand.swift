import ArgumentParser
import AutoRound
import Compute
import Diagnostics
import Foundation
import JSONText

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

        autoround quantize Qwen3-0.6B --output q4
        autoround quantize Qwen3-0.6B --output q2 --scheme W2A16 --preset best
        autoround quantize Qwen3-0.6B --output q --recipe recipe.yaml
        autoround quantize Qwen3-0.6B --output q --calibration my.jsonl --samples 256
        autoround quantize Qwen3-0.6B --output rtn --iterations 0
        autoround quantize NewModel --output q --model-free --scheme MXFP8

      Calibration text is a .jsonl file with a record {"text": ...} or {"input_ids": [...]} per \
      line, or a .txt file. Records are cut at --sequence-length tokens, and shorter ones are left \
      out; running text is cut into windows. Without --calibration a built-in text is used: books \
      in English.

      A recipe is YAML as LLM Compressor has it:

        quantization_stage:
          quantization_modifiers:
            AutoRoundModifier: {scheme: W4A16, ignore: [lm_head]}

      Options go before the recipe, the recipe before --preset.

      Before the folder appears, its files are read again and compared with the source, and the \
      predictions with the source's on calibration text that was held out. A model card, \
      report.html, quantization_report.json and SHA256SUMS tell what was done. autoround help plan \
      says how to see beforehand what a run takes.

      A run that is cut off, by Ctrl-C, a signal or a failure, leaves what it has in the folder \
      <output>.partial; the same command goes on after the last finished block and writes the same \
      bytes as if nothing had happened.
      """)

  @Argument(help: "Folder of the checkpoint, in full precision.", completion: .directory)
  var checkpoint: String

  @Option(help: "Folder to write.", completion: .directory)
  var output: String

  @Option(
    help: ArgumentHelp(
      "Preset of all linear layers, such as W3A16, FP8_DYNAMIC or NVFP4. (default: W4A16)",
      discussion: """
        Integer weights have groups of 128 weights, except W8A8/INT8 (one scale for each row); a recipe can \
        say more.
        """))
  var scheme: String?

  @Option(
    help: ArgumentHelp(
      "Weights that share a scale, for integer weights in groups. (default: 128)",
      discussion: """
        vLLM needs groups that divide the inputs of a layer; 64 or 32 do for most models for which 128 does \
        not.
        """))
  var groupSize: Int?

  @Option(
    help: "File with a recipe, instead of --scheme.",
    completion: .file(extensions: ["yaml", "yml", "json", "md"]))
  var recipe: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Modules to leave as they are: names, or re: and a regular expression.",
      discussion: "lm_head unless given here or in a recipe."))
  var ignore: [String] = []

  @Option(help: "File with calibration text.", completion: .file(extensions: ["jsonl", "txt"]))
  var calibration: String?

  @Option(help: "Calibration samples. (default: 128)")
  var samples: Int?

  @Option(help: "Tokens per sample. (default: 2048)")
  var sequenceLength: Int?

  @Option(help: "Samples per step of tuning. (default: 8)")
  var batchSize: Int?

  @Option(
    help: "Steps of tuning per block; 0 rounds with the scales that lose least. (default: 200)")
  var iterations: Int?

  @Option(help: "Learning rate of the first step. (default: 1/iterations)")
  var learningRate: Double?

  @Option(
    help: ArgumentHelp(
      "Time against quality: default, best, light or fast.",
      discussion: """
        best: 1000 iterations on 512 samples. light: 50 iterations, learning rate 0.005. fast: batches \
        of 2 samples of 512 tokens.
        """))
  var preset = TuningPreset.default

  @Option(
    help: ArgumentHelp(
      "How weights are tuned: \(TuningAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")).",
      discussion: """
        signround-v2 starts from searched scales and, below 4 bits, leaves outliers out of the loss; for \
        symmetric integers of 2 to 4 bits, MXFP4 and NVFP4. (default: signround)
        """))
  var algorithm: TuningAlgorithm?

  @Option(
    help: ArgumentHelp(
      "Products of the backward pass: \(GradientPrecision.allCases.map(\.rawValue).joined(separator: ", ")).",
      discussion: """
        int8 takes three quarters of the time and gives the same losses, since nothing but signs is used. \
        (default: int8 with bf16, else full)
        """))
  var gradients: GradientPrecision?

  @Option(
    help: ArgumentHelp(
      "Momentum: share of earlier gradients kept, at least 0 and below 1. (default: 0)",
      discussion: "0.9 makes up for small batches; most at 2 bits."))
  var momentum: Double?

  @Option(
    help: ArgumentHelp(
      "Whether to quantize the output head (lm_head): \(HeadTreatment.allCases.map(\.rawValue).joined(separator: ", ")).",
      discussion: """
        quantize tunes it on its own outputs, with the scheme of the target that matches it. A head that is \
        the embedding stays as it is. (default: keep)
        """))
  var lmHead: HeadTreatment?

  @Flag(
    help: ArgumentHelp(
      "Round the weights as they lie in the files, without running the model.",
      discussion: """
        No calibration, and any architecture: linear layers are told by the names and shapes of their \
        tensors. It is so without this flag for an unknown architecture with --iterations 0.
        """))
  var modelFree = false

  @Flag(help: "With --iterations 0, round plainly to nearest, without a search for better scales.")
  var disableOptRTN = false

  @OptionGroup var computing: ComputeOptions

  @Option(
    help: ArgumentHelp(
      "Most memory of the run, such as 8GB. (default: most of what is free)",
      discussion: """
        Calibration data beyond it goes to a scratch file, which needs room on the output's disk; the \
        result is the same.
        """,
      valueName: "size"))
  var memoryBudget: String?

  @OptionGroup var reports: ReportOptions

  @Option(help: "Seed of the order of samples. (default: 42)")
  var seed: Int?

  @Flag(help: "Replace the output folder if it exists.")
  var overwrite = false

  @Flag(help: "Begin anew although an unfinished run could be continued.")
  var restart = false

  @Flag(help: "Only say what would be done, and what it would take; see: autoround help plan.")
  var dryRun = false

  @Flag(help: "Start even if the plan says that disk or memory is too small.")
  var ignoreLimits = false

  @Flag(help: "Print the report as one JSON object at the end.")
  var json = false

  private var overrides: OptionOverrides {
    OptionOverrides(
      scheme: scheme, groupSize: groupSize, ignore: ignore.isEmpty ? nil : ignore,
      iterations: iterations,
      learningRate: learningRate, batchSize: batchSize, sampleCount: samples,
      sequenceLength: sequenceLength, algorithm: algorithm, gradients: gradients,
      momentum: momentum, head: lmHead, disablesOptimizedRounding: disableOptRTN ? true : nil,
      isModelFree: modelFree ? true : nil, seed: seed)
  }

  func validate() throws {
    if scheme != nil, recipe != nil {
      throw ValidationError("--scheme and --recipe exclude each other; keep one of them")
    }
    do {
      try overrides.check()
    } catch let error as InputError {
      throw ValidationError("--\(error.message)")
    }
    do {
      _ = try memoryBudget.map { text throws(InputError) in try MemoryBudget(text) }
    } catch {
      throw ValidationError("--memory-budget: \(error.message)")
    }
  }

  func run() throws {
    let printer = ProgressPrinter()
    Interruption.watch()
    var logs: [RunLog] = []
    try reportingFailure {
      logs = try reports.openLogs()
    }
    try reportingFailure(logs) {
      defer { printer.clear() }
      let modifier = try modifier(printer)
      if dryRun { return try printPlan(modifier, printer) }
      let dataset = try calibration.map { try CalibrationSource(file: URL(filePath: $0)) }
      let report = try oneshot(
        model: URL(filePath: checkpoint), modifier: modifier, dataset: dataset ?? .builtin,
        output: URL(filePath: output), overwrite: overwrite, compute: computing.type,
        threads: computing.threads, restart: restart,
        ignoreLimits: ignoreLimits, memoryBudget: memoryBudget.map { try MemoryBudget($0) },
        reporting: reports.reporting(compute: computing.type),
        observer: ObserverList([printer] + logs))
      if json { print(report.json.text()) }
    }
  }

  private func printPlan(_ modifier: AutoRoundModifier, _ printer: ProgressPrinter) throws {
    printer.show(status: "measuring how long a block takes")
    let plan = try RunPlan(
      model: URL(filePath: checkpoint), modifier: modifier, output: URL(filePath: output),
      compute: computing.type, threads: computing.threads,
      memoryBudget: memoryBudget.map { try MemoryBudget($0) },
      reporting: reports.reporting(compute: computing.type))
    printer.clear()
    for line in json ? [plan.json.text()] : plan.lines { print(line) }
  }

  private func modifier(_ observer: any RunObserver) throws -> AutoRoundModifier {
    guard let recipe else {
      return try naming("--scheme") {
        try AutoRoundModifier(ResolvedOptions(overrides: overrides, preset: preset))
      }
    }
    return try naming(recipe) {
      let recipe = try Recipe(contentsOf: URL(filePath: recipe))
      for warning in recipe.warnings {
        observer.observe(.warning("\(self.recipe ?? ""): \(warning)"))
      }
      return try AutoRoundModifier(
        ResolvedOptions(overrides: overrides, recipe: recipe.autoRoundOptions(), preset: preset))
    }
  }
}
