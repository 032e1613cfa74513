import Checkpoints
import Diagnostics
import Execution
import Foundation
import JSONText
import LanguageModels
import Quantization
import Recipes
import Tensors
import Verification

extension ModelFreeRun {
  /// What the run will do and take, from the headers of the source's files alone. How long it takes is not
  /// measured.
  func plan() throws -> RunPlan {
    var warnings: [String] = []
    return try plan(of: prepare { warnings.append($0) }, warnings: warnings)
  }

  func plan(of planned: PlannedCopy, warnings: [String]) throws -> RunPlan {
    let infos = planned.checkpoint.tensorNames.compactMap(planned.checkpoint.info)
    // Copying a tensor reads a piece of it at a time.
    var mapped = min(infos.map(\.byteCount).max() ?? 0, OutputFile.pieceByteCount)
    var tuning = 0
    for (module, scheme) in planned.schemes {
      guard let arguments = scheme.weights,
        let info = planned.checkpoint.info("\(module).weight")
      else { continue }
      // One layer at a time; what layers share is found in two of them.
      mapped = max(mapped, 2 * info.byteCount)
      tuning = try max(
        tuning,
        arguments.quantizerByteCount(
          rows: info.shape[0], columns: info.shape[1], dtype: info.dtype, isTuned: false)
          + info.shape.reduce(1, *) * QuantizationArguments.finishedBytesPerWeight)
    }
    return try RunPlan(
      model: job.model.path(percentEncoded: false), of: planned, options: options,
      memory: MemoryEstimate(
        process: MemoryEstimate.processByteCount, block: 0, tuning: tuning, streams: 0,
        mapped: mapped + MemoryEstimate.verificationByteCount),
      warnings: warnings)
  }

  /// Decides what becomes of each tensor.
  func prepare(_ warn: (String) -> Void) throws -> PlannedCopy {
    try requireNoCalibration()
    let checkpoint = try Checkpoint(opening: job.model)
    try checkpoint.requireSource()
    for remark in checkpoint.remarks { warn(remark) }
    let named = NamedModules(checkpoint)
    let resolution = try SchemeResolution.resolve(
      groups: options.groups.map { ($0.name, $0.scheme) }, ignore: options.ignore,
      modules: named.modules, origin: .recipe)
    for entry in resolution.unmatchedIgnores where entry != "lm_head" {
      warn("ignore: \(quoted(entry)) matches no layer of the model")
    }
    for remark in resolution.remarks { warn(remark) }
    let counted = resolution.schemes.filter { !checkpoint.isUncounted($0.key) }
    let schemes = try choose(counted, named, warn)
    let remark = options.remark(onMissingSearch: schemes, of: named.modules.map(\.name))
    if let remark { warn(remark) }
    for module in schemes.keys.sorted() { try checkpoint.requireWeightType("\(module).weight") }
    let copy = try QuantizedCopy(
      of: checkpoint, modules: named.modules + named.tiedHeads, schemes: schemes)
    let embeddings = named.modules.filter { $0.className == "Embedding" }.map(\.name)
    return PlannedCopy(
      checkpoint: checkpoint, modules: named.modules, schemes: schemes, copy: copy,
      embeddingsAndHeads: Set((embeddings + named.heads).map { $0 + ".weight" }),
      reason: { module in
        if !module.isLinear { return "no linear layer, by its name" }
        return named.heads.contains(module.name)
          ? "it is the head" : "no target matches it, or it is small or does not divide into groups"
      })
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
      for head in named.modules
      where named.heads.contains(head.name) && schemes.removeValue(forKey: head.name) != nil {
        if let remark = try options.remark(onKeptHead: head, isTied: false) { warn(remark) }
      }
    } else if !named.heads.contains(where: { schemes[$0] != nil }) {
      throw InputError(
        .invalidValue, source: options.headSource,
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

extension Checkpoint {
  /// Whether a module is in a decoder block that the configuration of a known family does not count. Other
  /// families have layers there that serve some purpose.
  fileprivate func isUncounted(_ module: String) -> Bool {
    guard Architectures.know(JSONReader(configuration)), let block = blockNumber(of: module),
      let count = configuration["num_hidden_layers"]?.intValue
    else { return false }
    return block >= count
  }
}
