import JSONText

/// What `quantization_config` says about the weights of a group of layers.
struct LayerScheme: Equatable {
  var group: String
  var targets: [String]
  var format: String
  var bits: Int
  var type: String
  var strategy: String
  var isSymmetric: Bool
  var groupSize: Int?
  var block: [Int]
  /// How the inputs are quantized; nil for not at all.
  var inputs: ActivationScheme?

  /// The group sizes along the inputs and the rows that share scales.
  func scaleShape(rows: Int, columns: Int) -> [Int]? {
    switch strategy {
    case "tensor": return [1]
    case "channel": return [rows, 1]
    case "block":
      guard block.count == 2, block.allSatisfy({ $0 > 0 }) else { return nil }
      return [(rows + block[0] - 1) / block[0], (columns + block[1] - 1) / block[1]]
    case "group", "tensor_group":
      guard let size = groupSize, size > 0 else { return nil }
      return [rows, (columns + size - 1) / size]
    default: return nil
    }
  }

  /// The same apart from the group's name and targets.
  func isSame(_ other: LayerScheme) -> Bool {
    var copy = other
    (copy.group, copy.targets) = (group, targets)
    return self == copy
  }
}

/// `quantization_config` of a compressed-tensors checkpoint.
struct QuantizationDescription {
  private(set) var schemes: [LayerScheme] = []
  private(set) var ignore: [NamePattern] = []
  /// How keys and values are quantized; nil for not at all.
  private(set) var keysAndValues: ActivationScheme?
  private var patterns: [[NamePattern]] = []

  init?(_ configuration: JSONValue, _ report: inout VerificationReport) {
    guard let fields = configuration["quantization_config"] else {
      report.add(.contract, "config.json", "has no quantization_config")
      return nil
    }
    func require(_ key: String, _ expected: [String]) {
      let found = fields[key]?.stringValue
      guard let found, expected.contains(found) else {
        return report.add(
          .contract, "config.json: quantization_config.\(key)",
          "found \(found ?? "nothing"), expected \(expected.joined(separator: " or "))")
      }
    }
    require("quant_method", ["compressed-tensors"])
    require("quantization_status", ["compressed", "frozen"])
    require("format", Self.formats + ["mixed-precision"])
    guard let groups = fields["config_groups"]?.objectValue, !groups.isEmpty else {
      report.add(.contract, "config.json: quantization_config.config_groups", "is missing or empty")
      return nil
    }
    for group in groups {
      let place = "config.json: quantization_config.config_groups.\(group.key)"
      let targets = group.value["targets"]?.arrayValue?.compactMap(\.stringValue) ?? []
      let weights = group.value["weights"]
      let format = (group.value["format"] ?? fields["format"])?.stringValue ?? ""
      guard !targets.isEmpty, let bits = weights?["num_bits"]?.intValue, (1...8).contains(bits),
        let type = weights?["type"]?.stringValue, ["int", "float"].contains(type),
        let strategy = weights?["strategy"]?.stringValue,
        let isSymmetric = weights?["symmetric"]?.boolValue, Self.formats.contains(format)
      else {
        report.add(.contract, place, "does not say how its weights are stored")
        continue
      }
      schemes.append(
        LayerScheme(
          group: group.key, targets: targets, format: format, bits: bits, type: type,
          strategy: strategy, isSymmetric: isSymmetric,
          groupSize: weights?["group_size"]?.intValue,
          block: weights?["block_structure"]?.arrayValue?.compactMap(\.intValue) ?? [],
          inputs: group.value["input_activations"].flatMap(ActivationScheme.init)))
      patterns.append(targets.map { NamePattern($0, "\(place).targets", &report) })
    }
    keysAndValues = fields["kv_cache_scheme"].flatMap(ActivationScheme.init)
    ignore = (fields["ignore"]?.arrayValue?.compactMap(\.stringValue) ?? []).map {
      NamePattern($0, "config.json: quantization_config.ignore", &report)
    }
  }

  static let formats = [
    "pack-quantized", "int-quantized", "float-quantized", "naive-quantized",
    "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized",
  ]

  func ignores(_ module: String) -> Bool { ignore.contains { $0.matches(module) } }

  /// The scheme that runtimes find for a linear layer: a name goes before a pattern, a pattern before
  /// the class.
  func scheme(of module: String) -> LayerScheme? {
    if ignores(module) { return nil }
    for rank in 0..<3 {
      for (scheme, patterns) in zip(schemes, patterns)
      where patterns.contains(where: { $0.rank == rank && $0.matches(module) }) {
        return scheme
      }
    }
    return nil
  }
}

/// A module's name, `re:` and a regular expression from the name's beginning, or a class.
struct NamePattern {
  private let text: String
  // Compiled expressions are never written to after this.
  private nonisolated(unsafe) let expression: Regex<AnyRegexOutput>?

  init(_ text: String, _ place: String, _ report: inout VerificationReport) {
    self.text = text
    guard text.hasPrefix("re:") else {
      expression = nil
      return
    }
    expression = try? Regex(String(text.dropFirst(3)))
    if expression == nil { report.add(.contract, place, "'\(text)' is not a regular expression") }
  }

  /// What goes before: names, patterns, classes.
  var rank: Int { text == "Linear" ? 2 : text.hasPrefix("re:") ? 1 : 0 }

  func matches(_ module: String) -> Bool {
    if text == "Linear" || text == module { return true }
    return expression.map { module.prefixMatch(of: $0) != nil } ?? false
  }
}
