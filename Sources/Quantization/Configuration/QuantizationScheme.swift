public import Diagnostics
public import JSONText

/// How the layers that match some targets are quantized.
public struct QuantizationScheme: Sendable, Equatable {
  /// Module names, class names such as `Linear`, or patterns that start with `re:`.
  public var targets: [String]
  /// Nil leaves the weights as they are.
  public var weights: QuantizationArguments?
  /// Nil leaves a layer's input as it is.
  public var inputActivations: QuantizationArguments?
  /// Nil leaves a layer's output as it is.
  public var outputActivations: QuantizationArguments?
  /// How the layers are stored; nil for what the arguments imply.
  public var format: CompressionFormat?

  /// Creates a scheme.
  public init(
    targets: [String], weights: QuantizationArguments?,
    inputActivations: QuantizationArguments? = nil,
    outputActivations: QuantizationArguments? = nil, format: CompressionFormat? = nil
  ) {
    self.targets = targets
    self.weights = weights
    self.inputActivations = inputActivations
    self.outputActivations = outputActivations
    self.format = format
  }

  static let keys = ["format", "input_activations", "output_activations", "targets", "weights"]

  /// Reads one of the `config_groups` of a recipe or a checkpoint.
  ///
  /// - Parameters:
  ///   - value: An object.
  ///   - path: Where it stands, for errors: `config_groups.group_0`.
  /// - Throws: `InputError` whose place is the path of the key at fault.
  public init(_ value: JSONValue, path: String = "") throws(InputError) {
    try self.init(fields: JSONReader(value, path: path))
  }

  /// Reads a scheme from a configuration, as ``init(_:path:)`` does.
  package init(fields: JSONReader) throws(InputError) {
    try fields.requireKeys(among: Self.keys)
    let list = try fields.required("targets")
    if let single = list.value.stringValue {
      targets = [single]
    } else {
      targets = []
      for element in try list.elements() { targets.append(try element.string()) }
    }
    guard !targets.isEmpty else { throw list.mismatch("at least one target") }
    func arguments(_ key: String) throws(InputError) -> QuantizationArguments? {
      guard let reader = try fields.optional(key) else { return nil }
      return try QuantizationArguments(fields: reader)
    }
    weights = try arguments("weights")
    inputActivations = try arguments("input_activations")
    outputActivations = try arguments("output_activations")
    format = try fields.optional("format")?.choice(CompressionFormat.self)
    if let weights, weights.dynamic != .none {
      throw InputError(
        .invalidValue, place: "\(list.path.dropLast("targets".count))weights.dynamic",
        "found true, expected false: weights do not change with the input")
    }
  }

  /// The scheme as compressed-tensors writes it: all keys, in alphabetical order.
  public var json: JSONValue {
    [
      "format": .string(resolvedFormat.rawValue),
      "input_activations": inputActivations?.json ?? .null,
      "output_activations": outputActivations?.json ?? .null,
      "targets": .array(targets.map { .string($0) }),
      "weights": weights?.json ?? .null,
    ]
  }

  /// Refuses what cannot be tuned and written yet: anything but integer weights.
  ///
  /// - Parameter path: Where the scheme stands, for errors.
  package func requireSupported(path: String = "") throws(InputError) {
    let prefix = path.isEmpty ? "" : path + "."
    for (key, arguments) in [
      ("input_activations", inputActivations), ("output_activations", outputActivations),
    ] where arguments != nil {
      throw InputError(
        .unsupported, place: prefix + key,
        "quantized activations are not supported yet; supported schemes are "
          + Self.supportedPresets.joined(separator: ", "))
    }
    guard let weights else {
      throw InputError(.unsupported, place: prefix + "weights", "is missing: nothing to quantize")
    }
    do {
      try weights.requireIntegerWeights()
      _ = try weights.grouping(rows: 1, columns: 1)
    } catch {
      throw InputError(
        error.code, place: prefix + "weights" + (error.place.map { "." + $0 } ?? ""), error.message)
    }
    guard resolvedFormat == .packQuantized else {
      throw InputError(
        .unsupported, place: prefix + "format",
        "\(resolvedFormat.rawValue) is not supported yet for these weights; pack-quantized is")
    }
  }
}
