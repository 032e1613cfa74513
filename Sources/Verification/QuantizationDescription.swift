import Diagnostics
import JSONText

/// `quantization_config` of a checkpoint.
struct QuantizationDescription {
  private(set) var schemes: [LayerScheme] = []
  /// How keys and values are quantized; nil for not at all.
  private(set) var keysAndValues: ActivationScheme?
  private var ignore = NamePatterns()
  /// The targets of all of ``schemes``.
  private var targets: LayerTargets
  private let limit = MatchLimit()
  /// What methods say that store layers by columns; nil for compressed-tensors.
  private var columns: ColumnDescription?

  init?(_ configuration: JSONValue, _ report: inout VerificationReport) {
    targets = LayerTargets(limit)
    guard let fields = configuration["quantization_config"] else {
      report.add(
        .contract, "config.json", "has no quantization_config", refusedBy: Runtime.allCases)
      return nil
    }
    if ColumnDescription.knows(fields["quant_method"]?.stringValue) {
      guard let columns = ColumnDescription(fields, limit, &report) else { return nil }
      (self.columns, schemes) = (columns, columns.schemes)
      return
    }
    func require(_ key: String, _ expected: [String]) {
      let found = fields[key]?.stringValue
      guard let found, expected.contains(found) else {
        return report.add(
          .contract, "config.json: quantization_config.\(key)",
          "found \(found.map(quoted) ?? "nothing"), expected \(expected.joined(separator: " or "))",
          refusedBy: Runtime.allCases)
      }
    }
    require("quant_method", ["compressed-tensors", "gptq", "awq", "auto-round"])
    // Of other methods nothing else is known.
    guard fields["quant_method"]?.stringValue == "compressed-tensors" else { return nil }
    require("quantization_status", ["compressed"])
    require("format", StoredFormat.all.map(\.name) + ["mixed-precision"])
    guard let groups = fields["config_groups"]?.objectValue, !groups.isEmpty else {
      report.add(
        .contract, "config.json: quantization_config.config_groups", "is missing or empty",
        refusedBy: Runtime.allCases)
      return nil
    }
    ConfigurationContract(place: "config.json: quantization_config").check(fields, &report)
    for group in groups {
      let place = "config.json: quantization_config.config_groups.\(group.key)"
      ConfigurationContract(place: place).check(group: group.value, &report)
      let targets = group.value["targets"]?.arrayValue?.compactMap(\.stringValue) ?? []
      let weights = group.value["weights"]
      let name = group.value["format"]?.stringValue ?? fields["format"]?.stringValue
      guard !targets.isEmpty, let bitCount = weights?["num_bits"]?.intValue,
        (1...8).contains(bitCount),
        let type = weights?["type"]?.stringValue, ["int", "float"].contains(type),
        let strategy = weights?["strategy"]?.stringValue,
        let isSymmetric = weights?["symmetric"]?.boolValue,
        let format = StoredFormat.all.first(where: { $0.name == name })
      else {
        report.add(
          .contract, place, "does not say how its weights are stored", refusedBy: Runtime.allCases)
        continue
      }
      if let expected = format.type, expected != type || (format.bitCount ?? bitCount) != bitCount {
        report.add(
          .contract, place,
          "found \(type) weights of \(bitCount) bits, expected \(expected)"
            + (format.bitCount.map { " of \($0) bits" } ?? "") + " for \(format.name)",
          refusedBy: Runtime.allCases)
        continue
      }
      schemes.append(
        LayerScheme(
          group: group.key, targets: targets, format: format, bitCount: bitCount, type: type,
          strategy: strategy, isSymmetric: isSymmetric,
          groupSize: weights?["group_size"]?.intValue,
          block: weights?["block_structure"]?.arrayValue?.compactMap(\.intValue) ?? [],
          inputs: group.value["input_activations"].flatMap(ActivationScheme.init)))
      if let inputs = group.value["input_activations"], !inputs.isNull, schemes.last?.inputs == nil
      {
        report.add(
          .contract, place, "does not say how its inputs are quantized",
          refusedBy: Runtime.allCases)
      }
      self.targets.add(targets, group: schemes.count - 1, "\(place).targets", &report)
    }
    checkFormat(fields["format"]?.stringValue, &report)
    keysAndValues = fields["kv_cache_scheme"].flatMap(ActivationScheme.init)
    ignore = NamePatterns(
      fields["ignore"]?.arrayValue?.compactMap(\.stringValue) ?? [],
      "config.json: quantization_config.ignore", limit, &report)
  }

  /// The format of the whole is that of its groups, or says that they differ.
  private func checkFormat(_ format: String?, _ report: inout VerificationReport) {
    guard let format, format != "mixed-precision",
      let other = schemes.first(where: { $0.format.name != format })
    else { return }
    report.add(
      .contract, "config.json: quantization_config.format",
      "found \(format); \(quoted(other.group)) is stored as \(other.format.name)")
  }

  /// Whether schemes may be for layers that the model does not have.
  var isByExceptions: Bool { columns != nil }

  /// Takes note of the quantized layers.
  mutating func observe(layers: some Sequence<String>) { columns?.observe(layers: layers) }

  /// Checks the tensors of quantized layers, and gives those whose shapes are known.
  mutating func check(
    _ layers: [String: [String: StoredTensor]], _ report: inout VerificationReport
  ) -> [String: (shape: [Int], scheme: LayerScheme)] {
    observe(layers: layers.keys)
    var known: [String: (shape: [Int], scheme: LayerScheme)] = [:]
    for (module, tensors) in layers.sorted(by: { $0.key < $1.key }) {
      guard let scheme = scheme(of: module) ?? schemes.first,
        let shape = LayerCheck(module: module, scheme: scheme, tensors: tensors).run(&report)
      else { continue }
      known[module] = (shape, scheme)
    }
    return known
  }

  func ignores(_ module: String) -> Bool { columns?.ignores(module) ?? ignore.matches(module) }

  /// Says so where patterns were given up.
  func reportCost(_ report: inout VerificationReport) {
    if limit.isReached {
      report.add(
        .contract, "config.json: quantization_config",
        "matching its patterns with the names of the layers takes too long")
    }
  }

  /// The scheme that transformers finds for a linear layer.
  func scheme(of module: String) -> LayerScheme? {
    if let columns { return columns.scheme(of: module) }
    return ignores(module) ? nil : targets.inTransformers(module).map { schemes[$0] }
  }

  /// The scheme that vLLM finds for a linear layer, or for several that it runs as one.
  ///
  /// - Parameter parts: The layers' own names if they are run as one.
  func schemeInVLLM(of module: String, parts: [String] = []) -> LayerScheme? {
    if let columns { return columns.scheme(of: module, parts: parts) }
    return ignores(parts.first ?? module)
      ? nil : targets.inVLLM(module, parts: parts).map { schemes[$0] }
  }
}
