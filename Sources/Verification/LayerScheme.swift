import Diagnostics
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

  /// The shape of the tensor of scales for a weight with elements; nil where the strategy lacks the sizes
  /// that it needs.
  func scaleShape(rows: Int, columns: Int) -> [Int]? {
    func count(_ size: Int, in extent: Int) -> Int { (extent - 1) / size + 1 }
    switch strategy {
    case "tensor": return [1]
    case "channel": return [rows, 1]
    case "block":
      guard block.count == 2, block.allSatisfy({ $0 > 0 }) else { return nil }
      return [count(block[0], in: rows), count(block[1], in: columns)]
    case "group", "tensor_group":
      guard let size = groupSize, size > 0 else { return nil }
      return [rows, count(size, in: columns)]
    default: return nil
    }
  }

  /// Whether several elements share the words or bytes of ``weightSuffix``.
  var isPacked: Bool { format.hasSuffix("pack-quantized") }

  /// The end of the name of the tensor with the elements.
  var weightSuffix: String { isPacked ? "weight_packed" : "weight" }

  /// The shape of that tensor.
  func weightShape(rows: Int, columns: Int) -> [Int] {
    switch format {
    case "pack-quantized": [rows, (columns * bits + 31) / 32]
    case "nvfp4-pack-quantized", "mxfp4-pack-quantized": [rows, columns / 2]
    default: [rows, columns]
    }
  }

  /// The type of that tensor.
  var weightType: String {
    switch format {
    case "pack-quantized": "I32"
    case "nvfp4-pack-quantized", "mxfp4-pack-quantized": "U8"
    default: type == "int" ? "I8" : "F8_E4M3"
    }
  }

  /// The types that scales may have.
  var scaleTypes: [String] {
    if format.hasPrefix("mxfp") { return ["U8", "F8_E8M0"] }
    return format == "nvfp4-pack-quantized" ? ["F8_E4M3"] : ["BF16", "F16", "F32"]
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
  /// How keys and values are quantized; nil for not at all.
  private(set) var keysAndValues: ActivationScheme?
  private var ignore = NamePatterns()
  /// The targets of each of ``schemes``.
  private var patterns: [NamePatterns] = []
  private let limit = MatchLimit()

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
          "found \(found.map(quoted) ?? "nothing"), expected \(expected.joined(separator: " or "))")
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
      if let expected = Self.elements[format],
        expected.0 != type || (expected.1 ?? bits) != bits
      {
        report.add(
          .contract, place,
          "found \(type) weights of \(bits) bits, expected \(expected.0)"
            + (expected.1.map { " of \($0) bits" } ?? "") + " for \(format)")
        continue
      }
      schemes.append(
        LayerScheme(
          group: group.key, targets: targets, format: format, bits: bits, type: type,
          strategy: strategy, isSymmetric: isSymmetric,
          groupSize: weights?["group_size"]?.intValue,
          block: weights?["block_structure"]?.arrayValue?.compactMap(\.intValue) ?? [],
          inputs: group.value["input_activations"].flatMap(ActivationScheme.init)))
      patterns.append(NamePatterns(targets, "\(place).targets", limit, &report))
    }
    keysAndValues = fields["kv_cache_scheme"].flatMap(ActivationScheme.init)
    ignore = NamePatterns(
      fields["ignore"]?.arrayValue?.compactMap(\.stringValue) ?? [],
      "config.json: quantization_config.ignore", limit, &report)
  }

  static let formats = [
    "pack-quantized", "int-quantized", "float-quantized", "naive-quantized",
    "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized",
  ]

  /// The types of weights, and their bits, of the formats that do not leave them open.
  private static let elements: [String: (String, Int?)] = [
    "pack-quantized": ("int", nil), "int-quantized": ("int", nil), "float-quantized": ("float", 8),
    "mxfp8-quantized": ("float", 8), "mxfp4-pack-quantized": ("float", 4),
    "nvfp4-pack-quantized": ("float", 4),
  ]

  func ignores(_ module: String) -> Bool {
    NamePatterns.Kind.allCases.contains { ignore.matches(module, $0) }
  }

  /// Says so where patterns were given up.
  func reportCost(_ report: inout VerificationReport) {
    if limit.isReached {
      report.add(
        .contract, "config.json: quantization_config",
        "matching its patterns with the names of the layers takes too long")
    }
  }

  /// The scheme that runtimes find for a linear layer: a name goes before a pattern, a pattern before
  /// the class.
  func scheme(of module: String) -> LayerScheme? {
    if ignores(module) { return nil }
    for kind in NamePatterns.Kind.allCases {
      for (scheme, patterns) in zip(schemes, patterns) where patterns.matches(module, kind) {
        return scheme
      }
    }
    return nil
  }
}
