import Diagnostics
import JSONText

/// What the classes of compressed-tensors that read `quantization_config` ask for: no other keys than theirs,
/// values of their types, and combinations that have a meaning. Columns in another order than their own,
/// which they know too, no program here reads.
struct ConfigurationContract {
  let place: String

  private static let groupKeys: Set = [
    "format", "input_activations", "output_activations", "targets", "weights",
  ]
  private static let argumentKeys: Set = [
    "actorder", "block_structure", "dynamic", "group_size", "num_bits", "observer",
    "observer_kwargs", "scale_dtype", "strategy", "symmetric", "type", "zp_dtype",
  ]
  private static let keys: Set = [
    "config_groups", "format", "global_compression_ratio", "ignore", "kv_cache_scheme",
    "quant_method", "quantization_status", "sparsity_config", "transform_config", "version",
  ]

  /// Checks the whole but for what its groups hold.
  func check(_ fields: JSONValue, _ report: inout VerificationReport) {
    checkKeys(fields, "", Self.keys, isNullAllowed: true, &report)
    for key in ["sparsity_config", "transform_config"] {
      guard let value = fields[key], !value.isNull else { continue }
      if value.objectValue?.isEmpty != true { add(key, "is not supported, expected {}", &report) }
    }
    if let ignore = fields["ignore"], !ignore.isNull, !Self.isListOfTexts(ignore) {
      add("ignore", "is not a list of names", &report)
    }
    check(arguments: fields["kv_cache_scheme"], "kv_cache_scheme", isWeight: false, &report)
  }

  /// Checks one of the groups.
  func check(group: JSONValue, _ report: inout VerificationReport) {
    checkKeys(group, "", Self.groupKeys, isNullAllowed: false, &report)
    if group["targets"].map(Self.isListOfTexts) != true {
      add("targets", "is not a list of names", &report)
    }
    check(arguments: group["weights"], "weights", isWeight: true, &report)
    check(arguments: group["input_activations"], "input_activations", isWeight: false, &report)
    if let outputs = group["output_activations"], !outputs.isNull {
      add("output_activations", "is not null; outputs are not quantized", &report)
    }
  }

  private func check(
    arguments: JSONValue?, _ name: String, isWeight: Bool, _ report: inout VerificationReport
  ) {
    guard let arguments, !arguments.isNull else { return }
    guard arguments.objectValue != nil else { return add(name, "is not an object", &report) }
    checkKeys(arguments, name, Self.argumentKeys, isNullAllowed: false, &report)
    func require(_ key: String, _ expected: String, _ isMet: (JSONValue) -> Bool) {
      guard let value = arguments[key], !value.isNull, !isMet(value) else { return }
      add("\(name).\(key)", "found \(Self.short(value)), expected \(expected)", &report)
    }
    let strategy = arguments["strategy"]?.stringValue
    let isGrouped = strategy == "group" || strategy == "tensor_group"
    let isFloat = arguments["type"]?.stringValue == "float"
    require("num_bits", isFloat ? "4 or 8" : "2 to 8") { value in
      value.intValue.map { isFloat ? $0 == 4 || $0 == 8 : (2...8).contains($0) } ?? false
    }
    require("type", "int or float") { ["int", "float"].contains($0.stringValue) }
    require("symmetric", isFloat ? "true: floats have no zero point" : "true or false") { value in
      value.boolValue.map { $0 || !isFloat } ?? false
    }
    require("strategy", "one that \(isWeight ? "weights" : "inputs") have") {
      (isWeight
        ? ["tensor", "channel", "group", "block", "tensor_group"]
        : ["tensor", "token", "group", "tensor_group"]).contains($0.stringValue)
    }
    require("group_size", isGrouped ? "a positive number of columns" : "null for this strategy") {
      guard let size = $0.intValue else { return false }
      return isGrouped ? (1...1 << 31).contains(size) : size == -1 && strategy == "channel"
    }
    if isGrouped, arguments["group_size"]?.isNull ?? true {
      add("\(name).group_size", "is missing, which the strategy needs", &report)
    }
    require("block_structure", strategy == "block" ? "rows and columns" : "null for this strategy")
    {
      let sizes = $0.arrayValue?.compactMap(\.intValue) ?? []
      return strategy == "block" && sizes.count == 2 && $0.arrayValue?.count == 2
        && sizes.allSatisfy { (1...1 << 31).contains($0) }
    }
    if strategy == "block", arguments["block_structure"]?.isNull ?? true {
      add("\(name).block_structure", "is missing, which the strategy needs", &report)
    }
    require("dynamic", isWeight ? "false: weights do not change" : "a moment for this strategy") {
      switch $0 {
      case .bool(false): strategy != "token"
      case .bool(true): !isWeight
      case .string("local"): !isWeight && strategy == "tensor_group"
      default: false
      }
    }
    if !isWeight, strategy == "token", arguments["dynamic"]?.isNull ?? true {
      add("\(name).dynamic", "is missing, expected true for this strategy", &report)
    }
    require("actorder", "null: columns stay in their order") { $0.boolValue == false }
    for key in ["scale_dtype", "zp_dtype", "observer"] {
      require(key, "a name") { $0.stringValue != nil }
    }
    require("observer_kwargs", "an object") { $0.objectValue != nil }
  }

  private func checkKeys(
    _ value: JSONValue, _ name: String, _ known: Set<String>, isNullAllowed: Bool,
    _ report: inout VerificationReport
  ) {
    for member in value.objectValue ?? [] where !known.contains(member.key) {
      if isNullAllowed, member.value.isNull { continue }
      add(
        name.isEmpty ? member.key : "\(name).\(member.key)", "is not a key that readers know",
        &report)
    }
  }

  private func add(_ key: String, _ message: String, _ report: inout VerificationReport) {
    report.add(.contract, "\(place).\(key)", message, refusedBy: Runtime.allCases)
  }

  private static func isListOfTexts(_ value: JSONValue) -> Bool {
    value.arrayValue?.allSatisfy { $0.stringValue != nil } ?? false
  }

  private static func short(_ value: JSONValue) -> String {
    let text = value.text()
    return text.count <= 40 ? text : "\(text.prefix(40))…"
  }
}
