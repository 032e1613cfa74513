import Checkpoints
import Diagnostics
import Execution
import JSONText
import LanguageModels
import ModelFamilies
import Quantization
import Recipes
import Verification

/// Which of the layers that targets match are quantized.
extension Survey {
  /// Those of the decoder blocks but for excluded ones that no target names in full, and the head if it is asked for.
  func choose(
    _ resolved: [String: QuantizationScheme], of model: SourceModel, _ options: ResolvedOptions
  ) throws -> [String: QuantizationScheme] {
    var schemes = resolved
    let head = model.description.headModule
    let isTied = model.description.end.isTied
    if options.head == .quantize {
      guard !isTied else {
        throw InputError(
          .unsupported, source: options.headSource, place: head,
          "the head shares its weights with the embedding (tied) and cannot be quantized")
      }
      guard schemes[head] != nil else {
        throw InputError(
          .invalidValue, source: options.headSource, place: head,
          "no target matches it, or an entry of ignore does")
      }
    }
    for module in modules where schemes[module.name] != nil && !model.isInsideBlock(module.name) {
      if module.name == head, options.head == .quantize { continue }
      schemes[module.name] = nil
      let remark = try options.remark(onKeptHead: module, isTied: isTied)
      if let remark { warn(remark) }
    }
    let named = Set(options.groups.flatMap(\.scheme.targets))
    for layer in exclusions.keys where !named.contains(layer) { schemes[layer] = nil }
    guard !schemes.isEmpty else {
      throw InputError(
        .invalidValue, place: "targets", "no linear layer of a decoder block is left to quantize")
    }
    return schemes
  }

  /// Those that are large enough and divide into groups.
  func choose(
    _ resolved: [String: QuantizationScheme], of named: NamedModules, _ options: ResolvedOptions
  ) throws -> [String: QuantizationScheme] {
    var schemes = resolved.filter { !checkpoint.isUncounted($0.key) }
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
    let reason = unfit.first.map { first in
      "\(unfit.count) matrices stay as they are, \(first.name) \(first.shape) among them: they are "
        + "small, or the group size does not divide their rows"
    }
    if let reason { warn(reason) }
    if !named.stacks.isEmpty {
      warn(
        "\(named.stacks.count) tensors of three dimensions stay as they are, \(named.stacks[0]) among them"
      )
    }
    guard !schemes.isEmpty else {
      throw InputError(
        .invalidValue, place: "targets",
        "none of the model's \(named.modules.count) matrices is left to quantize"
          + (reason.map { "; \($0)" } ?? ""))
    }
    return schemes
  }
}

extension SourceModel {
  /// Whether a module belongs to a decoder block.
  func isInsideBlock(_ module: String) -> Bool {
    description.blocks.contains { module.hasPrefix($0.name + ".") }
  }
}

extension ResolvedOptions {
  /// Refuses what only running the model can find.
  func requireNoCalibration() throws(InputError) {
    for group in groups {
      guard let inputs = group.scheme.inputActivations, inputs.dynamic != .all else { continue }
      throw InputError(
        .unsupported, place: "config_groups.\(group.name).input_activations.dynamic",
        "these scales of activations come from calibration, which needs a model that can be run; "
          + "expected true, or null for weights alone")
    }
    guard keyValueCacheScheme == nil else {
      throw InputError(
        .unsupported, place: "kv_cache_scheme",
        "the scales of keys and values come from calibration, which needs a model that can be run")
    }
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
