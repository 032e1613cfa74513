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

  @Option(\.groupSize) var groupSize: Int?

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

  @Option(\.sampleCount) var samples: Int?
  @Option(\.sequenceLength) var sequenceLength: Int?
  @Option(\.batchSize) var batchSize: Int?
  @Option(\.iterations) var iterations: Int?
  @Option(\.learningRate) var learningRate: Double?

  @Option(
    help: ArgumentHelp(
      "Time against quality: default, best, light or fast.",
      discussion: """
        best: 1000 iterations on 512 samples. light: 50 iterations, learning rate 0.005. fast: batches \
        of 2 samples of 512 tokens.
        """))
  var preset = TuningPreset.default

  @Option(\.algorithm) var algorithm: TuningAlgorithm?
  @Option(\.gradients) var gradients: GradientPrecision?
  @Option(\.momentum) var momentum: Double?
  @Option(\.head) var lmHead: HeadTreatment?
  @Flag(\.isModelFree) var modelFree = false
  @Flag(\.disablesOptimizedRounding) var disableOptRTN = false

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

  @Option(\.seed) var seed: Int?

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
    OptionOverrides(scheme: scheme, ignore: ignore.isEmpty ? nil : ignore) {
      $0.groupSize = groupSize
      $0.sampleCount = samples
      $0.sequenceLength = sequenceLength
      $0.batchSize = batchSize
      $0.iterations = iterations
      $0.learningRate = learningRate
      $0.algorithm = algorithm
      $0.gradients = gradients
      $0.momentum = momentum
      $0.head = lmHead
      $0.isModelFree = modelFree ? true : nil
      $0.disablesOptimizedRounding = disableOptRTN ? true : nil
      $0.seed = seed
    }
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
      try overrides.values.check(naming: \.flag)
    } catch {
      throw ValidationError(error.message)
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
