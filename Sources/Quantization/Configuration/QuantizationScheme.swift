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
        "found \(weights.dynamic.jsonText), expected false: weights do not change with the input")
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
}
