import ArgumentParser
import AutoRound
import Compute
import Diagnostics
import Foundation
import Quantization

/// What a run is told: the arguments of `quantize` and `plan`, but for the output.
struct QuantizeOptions: ParsableArguments {
  @Argument(help: "Folder of the checkpoint, in full precision.", completion: .directory)
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "Preset of all linear layers, such as W3A16, FP8_DYNAMIC or NVFP4. (default: W4A16)",
      discussion: """
        There are \(QuantizationScheme.presetSummary). Integer weights have groups of 128 weights, except \
        W8A8/INT8 (one scale for each row); a recipe can say more.
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
    help: ArgumentHelp(
      "Steps of tuning per block; 0 only rounds. (default: 200)",
      discussion: """
        With 0, the scales that lose least are searched for: of symmetric integers, of asymmetric ones of 2 \
        bits, of MXFP and NVFP4. Others are rounded plainly to nearest.
        """))
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
        (default: int8 with bf16, but for small models on processors with AMX; else full)
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
      if let scheme { _ = try QuantizationScheme.preset(named: scheme) }
    } catch {
      throw ValidationError("--scheme: \(error.message)")
    }
    for entry in ignore {
      do {
        _ = try ModuleMatcher(entry)
      } catch {
        throw ValidationError("--ignore: \(quoted(entry)) \(error.message)")
      }
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

  /// All that was asked for, with the recipe read.
  func job(output: String, _ observer: any RunObserver) throws -> QuantizationJob {
    var job = QuantizationJob(
      model: URL(filePath: checkpoint), modifier: try modifier(observer),
      output: URL(filePath: output))
    if let calibration { job.dataset = try CalibrationSource(file: URL(filePath: calibration)) }
    job.overwrite = overwrite
    job.compute = computing.type
    job.threads = computing.threads
    job.restart = restart
    job.ignoresLimits = ignoreLimits
    job.memoryBudget = try memoryBudget.map { try MemoryBudget($0) }
    job.reporting = reports.reporting
    return job
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
