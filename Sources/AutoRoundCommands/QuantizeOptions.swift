import ArgumentParser
import AutoRound
import Diagnostics
import Foundation
import Quantization

/// What a run is told: the arguments of `quantize` and `plan`, but for the output.
struct QuantizeOptions: ParsableArguments {
  @Argument(help: "Folder of the checkpoint, in full precision.", completion: .directory)
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "Preset of all linear layers, such as W3A16, FP8_DYNAMIC or NVFP4. (default: W4A16, or that of gguf:TYPE)",
      discussion: """
        There are \(QuantizationScheme.presetSummary). Integer weights have groups of 128 weights, except \
        W8A8/INT8 (one scale for each row); \(QuantizationScheme.smallGroupSummary). --bits, --asym and \
        --group-size say the same in numbers; a recipe can say more.
        """))
  var scheme: String?

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

  @Option(
    name: .customLong("format"),
    help: ArgumentHelp(
      "Format to write; several from one tuning if given again. (default: compressed-tensors)",
      discussion: """
        One of \(OutputFormat.checkpoints.map(\.name).joined(separator: ", ")), or gguf:TYPE, a file of \
        llama.cpp such as gguf:q4_k_m; autoround list formats says what loads each. Several are written to folders \
        of their names in the output. gguf:TYPE has a scheme of its own, unless --scheme is one that it holds.
        """,
      valueName: "format"))
  var formats: [String] = []

  @Option(
    help: ArgumentHelp(
      "File with calibration data; a mixture if given again, FILE:WEIGHT by weights.",
      discussion: """
        .txt for text; .jsonl or .json for records of text, input_ids, or a conversation (messages, \
        conversations, prompt and response, or instruction and output), which the model's chat template makes \
        text of. owner/name is a dataset of the hub, hf://datasets/owner/name/file one file of it.
        """,
      valueName: "file"),
    completion: .file(extensions: ["jsonl", "json", "txt"]))
  var calibration: [String] = []

  @OptionGroup var template: ChatTemplateOption

  @Flag(
    help: ArgumentHelp(
      "Join the texts of a conversation's messages instead of using the model's chat template."))
  var noChatTemplate = false

  @Option(
    help: ArgumentHelp(
      "Time against quality: default, best, light, fast or fastest.",
      discussion: """
        best: 1000 iterations on 512 samples. light: 50 iterations, learning rate 0.005. fast: batches \
        of 4 samples of 512 tokens. fastest: batches of 2.
        """))
  var preset = TuningPreset.default

  @OptionGroup var declared: DeclaredOptions

  @OptionGroup var computing: ComputeOptions

  @Option(
    help: ArgumentHelp(
      "Most memory of the run, such as 8GB. (default: most of what is free)",
      discussion: """
        Calibration data beyond it goes to a scratch file, which needs room on the output's disk; the \
        result is the same. A block of experts that does not fit is tuned in portions, which takes \
        longer; plan says in how many.
        """,
      valueName: "size"))
  var memoryBudget: String?

  @OptionGroup var shards: ShardOptions

  @OptionGroup var reports: ReportOptions

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

  @OptionGroup var hub: HubOptions

  /// The flags given that say a whole scheme, which a recipe does, too.
  private var schemeFlags: [String] {
    let numbers = OptionOverrides { $0.values = declared.values }
    return [
      scheme.map { _ in "--scheme" }, numbers.weightBitCount.map { _ in "--bits" },
      numbers.isSymmetric.map { $0 ? "--sym" : "--asym" },
    ].compactMap(\.self)
  }

  /// What a scheme that flags say is called; nil where none does.
  var schemeName: String? {
    guard let preset = scheme ?? declared.values.presetInNumbers else { return nil }
    return declared.values.schemeName(preset)
  }

  private var overrides: OptionOverrides {
    OptionOverrides(scheme: scheme, ignore: ignore.isEmpty ? nil : ignore) {
      $0.values = declared.values
    }
  }

  func validate() throws {
    try checkingArguments {
      if recipe != nil, let flag = schemeFlags.first {
        throw ValidationError("\(flag) and --recipe exclude each other; keep one of them")
      }
      _ = try naming("--scheme") { try scheme.map { try QuantizationScheme.preset(named: $0) } }
      for entry in ignore {
        do throws(InputError) {
          _ = try ModuleMatcher(entry)
        } catch {
          throw ValidationError("--ignore: \(quoted(entry)) \(error.message)")
        }
      }
      try declared.values.check(naming: \.flag)
      if recipe == nil, declared.values.haveScheme {
        _ = try ResolvedOptions(overrides: overrides)
      }
      if noChatTemplate, template.file != nil {
        throw ValidationError(
          "--chat-template and --no-chat-template exclude each other; keep one of them")
      }
      _ = try naming("--memory-budget") { try memoryBudget.map { try MemoryBudget($0) } }
      for name in formats { _ = try OutputFormat(named: name) }
    }
  }

  /// All that was asked for, with the recipe read.
  func job(output: String, _ observer: any RunObserver) throws -> QuantizationJob {
    var job = QuantizationJob(
      model: URL(filePath: checkpoint), modifier: try modifier(observer),
      output: URL(filePath: output))
    if !calibration.isEmpty { job.dataset = try CalibrationSource(files: calibration) }
    job.chatTemplate = noChatTemplate ? .none : template.file.map { .file($0) } ?? .model
    job.overwrite = overwrite
    job.compute = computing.type
    job.threads = computing.threads
    job.restart = restart
    job.ignoresLimits = ignoreLimits
    job.formats = try formats.map { try OutputFormat(named: $0) }
    if job.formats.isEmpty {
      let file = try [OutputFormat].file(impliedBy: job.modifier.options.scheme)
      job.formats = [file ?? .compressedTensors]
    }
    if let limit = try shards.byteCountLimit { job.shardByteCountLimit = limit }
    job.memoryBudget = try memoryBudget.map { try MemoryBudget($0) }
    job.reporting = reports.reporting
    return job
  }

  private func modifier(_ observer: any RunObserver) throws -> AutoRoundModifier {
    try naming(recipe ?? "--scheme") {
      let read = try recipe.map { try Recipe(contentsOf: URL(filePath: $0)) }
      for warning in read?.warnings ?? [] {
        observer.observe(.warning("\(recipe ?? ""): \(warning)"))
      }
      var (overrides, options) = (overrides, try read?.autoRoundOptions())
      // Files of llama.cpp have schemes of their own.
      if schemeFlags.isEmpty, options?.scheme == nil,
        let implied = try formats.map({ try OutputFormat(named: $0) }).impliedScheme
      {
        if options == nil { overrides.scheme = implied } else { options?.scheme = .preset(implied) }
      }
      return try AutoRoundModifier(
        ResolvedOptions(overrides: overrides, recipe: options, preset: preset))
    }
  }
}
