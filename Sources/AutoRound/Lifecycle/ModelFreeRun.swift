import Checkpoints
import Diagnostics
import Foundation
import JSONText
import Quantization
import Tensors
import Verification

/// A run that rounds weights as they lie in the files: no calibration, and no need to know what the model
/// computes.
struct ModelFreeRun {
  var model: URL
  var options: ResolvedOptions
  var output: URL
  var overwrite: Bool
  var threads: Int?
  var reporting = RunReporting()
  var observer: (any RunObserver)?

  func run() throws -> RunReport {
    let started = ContinuousClock.now
    if let threads { ThreadTeam.size = threads }
    try requireNoCalibration()
    let checkpoint = try Checkpoint(opening: model)
    try naming(model.appending(path: "config.json").path(percentEncoded: false)) {
      try JSONReader(checkpoint.configuration).requireFullPrecision()
    }
    var warnings: [String] = []
    func warn(_ text: String) {
      warnings.append(text)
      observer?.observe(.warning(text))
    }

    let named = NamedModules(checkpoint)
    let resolution = try SchemeResolution.resolve(
      groups: options.groups.map { ($0.name, $0.scheme) }, ignore: options.ignore,
      modules: named.modules)
    for entry in resolution.unmatchedIgnores where entry != "lm_head" {
      warn("ignore: '\(entry)' matches no layer of the model")
    }
    let schemes = try choose(resolution.schemes, named, warn)
    for module in schemes.keys.sorted() { try checkpoint.requireWeightType("\(module).weight") }
    let copy = try QuantizedCopy(
      of: checkpoint, modules: named.modules + named.tiedHeads, schemes: schemes)
    let folder = try PartialFolder(output: output, sources: [model], overwrite: overwrite)
    defer { folder.discard() }
    try folder.clear()
    let writer = try CheckpointWriter(CheckpointPlan(copy.tensors), in: folder)

    let globalScales = try NamedModules.globalScales(schemes, checkpoint)
    for (index, module) in schemes.keys.sorted().enumerated() {
      if observer?.wantsStop == true {
        throw RunInterruption(finishedBlocks: 0, blockCount: schemes.count)
      }
      observer?.observe(.blockStarted(index: index, count: schemes.count, name: module))
      guard let arguments = schemes[module]?.weights else { continue }
      let weight = try checkpoint.tensor("\(module).weight")
      let rounded = try naming(module) {
        let quantizer = try arguments.makeWeightQuantizer(
          for: weight, scaleDType: weight.dtype, globalScale: globalScales[module])
        if !options.disablesOptimizedRounding { quantizer.searchScales(importance: nil) }
        return try quantizer.finished()
      }
      for (name, tensor) in try copy.layout(of: module).tensors(for: rounded, name: module) {
        try writer.write(tensor, named: name)
      }
    }
    try copy.writeTheRest(to: writer, recipe: options.recipe)
    let completion = CheckpointCompletion(
      source: checkpoint, output: output, reporting: reporting, observer: observer, writer: writer,
      folder: URL(filePath: folder.checkpointPath))
    let verification = try completion.verify(
      digests: [], reach: TuningReach(iterations: 0, learningRate: nil), warn: warn)
    var report = RunReport(
      model: model.path(percentEncoded: false), output: output, blocks: [],
      seconds: (ContinuousClock.now - started).seconds,
      peakMemoryBytes: ProcessMemory.peakByteCount, sourceBytes: copy.sourceByteCount,
      outputBytes: writer.tensorByteCount, bitsPerWeight: copy.bitsPerWeight, droppedTensors: [],
      warnings: warnings)
    report.verification = verification
    try completion.finish(report, description(of: checkpoint), verification)
    return report
  }

  private func description(of checkpoint: Checkpoint) -> RunDescription {
    let architectures = checkpoint.configuration["architectures"]?.arrayValue
    return RunDescription(
      model: model.path(percentEncoded: false),
      architecture: architectures?.first?.stringValue ?? "unknown", scheme: options.schemeSummary,
      device: "cpu", instructionSet: "any", computeType: "f32", threadCount: ThreadTeam.size,
      blockCount: 0, iterations: 0, batchSize: 0, learningRate: "none", sampleCount: 0,
      sequenceLength: 0, calibrationHash: "none", calibrationExcerpt: "", seed: options.seed)
  }

  /// Refuses what only running the model can find.
  private func requireNoCalibration() throws(InputError) {
    for group in options.groups {
      guard let inputs = group.scheme.inputActivations, inputs.dynamic != .all else { continue }
      throw InputError(
        .unsupported, place: "config_groups.\(group.name).input_activations.dynamic",
        "these scales of activations come from calibration, which needs a model that can be run; "
          + "expected true, or null for weights alone")
    }
    guard options.keyValueCacheScheme == nil else {
      throw InputError(
        .unsupported, place: "kv_cache_scheme",
        "the scales of keys and values come from calibration, which needs a model that can be run")
    }
  }

  /// Leaves out the layers that are better left as they are, and says so.
  private func choose(
    _ resolved: [String: QuantizationScheme], _ named: NamedModules, _ warn: (String) -> Void
  ) throws -> [String: QuantizationScheme] {
    var schemes = resolved
    if options.head == .keep {
      for head in named.heads where schemes.removeValue(forKey: head) != nil {
        warn(
          "\(head) is the head and stays as it is; add it to ignore, or ask for it with --lm-head quantize"
        )
      }
    } else if !named.heads.contains(where: { schemes[$0] != nil }) {
      throw InputError(
        .invalidValue, source: "--lm-head",
        "there is no head with a weight of its own among the tensors that targets match")
    }
    let unfit = named.modules.filter { module in
      guard let weights = schemes[module.name]?.weights else { return false }
      let size = weights.groupSize ?? 1
      return module.shape[1] % size != 0 || module.shape.contains { $0 < 32 }
    }
    for module in unfit { schemes[module.name] = nil }
    if let first = unfit.first {
      warn(
        "\(unfit.count) matrices stay as they are, \(first.name) \(first.shape) among them: they are "
          + "small, or the group size does not divide their rows")
    }
    if !named.stacks.isEmpty {
      warn(
        "\(named.stacks.count) tensors of three dimensions stay as they are, \(named.stacks[0]) among them"
      )
    }
    guard !schemes.isEmpty else {
      throw InputError(
        .invalidValue, place: "targets",
        "none of the model's \(named.modules.count) matrices is left to quantize")
    }
    return schemes
  }
}
