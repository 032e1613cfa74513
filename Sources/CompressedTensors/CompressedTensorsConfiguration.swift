package import Diagnostics
package import JSONText
package import Quantization
import Tensors

/// The `quantization_config` of a checkpoint's `config.json`, as compressed-tensors 0.19 has it.
package struct CompressedTensorsConfiguration: Sendable, Equatable {
  /// The version of compressed-tensors whose layouts are written.
  package static let version = "0.19.0"

  /// `config_groups`, in the order of the file.
  package var groups: [QuantizationScheme]
  /// The names of ``groups``.
  private var names: [String]
  /// Modules of a quantized class that keep their weights.
  package var ignore: [String]
  /// How keys and values are quantized; nil for not at all.
  package var keyValueCacheScheme: QuantizationArguments?

  /// More groups than any model has kinds of layers.
  private static let groupLimit = 1000

  /// The groups with their places, for errors.
  package var namedGroups: [(name: String, scheme: QuantizationScheme)] {
    zip(names, groups).map { ("config_groups.\($0)", $1) }
  }

  /// The common format of all groups, or ``CompressionFormat/mixedPrecision``.
  package var format: CompressionFormat {
    let formats = groups.map(\.resolvedFormat)
    guard let first = formats.first else { return .dense }
    return formats.allSatisfy { $0 == first } ? first : .mixedPrecision
  }

  /// Describes a quantized model.
  ///
  /// Groups are numbered in the order in which the model's modules first use them; `ignore` lists
  /// all other linear layers by name, under those of their files first. Groups have the targets of their
  /// schemes, or, where two readers would find different groups by them, the full names of their layers.
  ///
  /// - Parameters:
  ///   - schemes: By module name.
  ///   - modules: Of the whole model, in its order.
  package init(schemes: [String: QuantizationScheme], modules: [ModuleDescription]) {
    groups = []
    ignore = []
    keyValueCacheScheme = nil
    var layers: [[String]] = []
    var loadedNames: [String: [String]] = [:]
    for module in modules where module.isLinear {
      loadedNames[module.name] = module.loadedNames
      guard var scheme = schemes[module.name] else {
        ignore.append(module.name)
        continue
      }
      scheme.recordDefaults()
      if let index = groups.firstIndex(of: scheme) {
        layers[index].append(module.name)
      } else {
        groups.append(scheme)
        layers.append([module.name])
      }
    }
    // Whoever looks for a layer finds it by either name.
    func withLoadedNames(_ names: [String]) -> [String] {
      names + Set(names.flatMap { loadedNames[$0] ?? [] }).subtracting(names).sorted()
    }
    ignore = withLoadedNames(ignore)
    for index in groups.indices { groups[index].targets = withLoadedNames(groups[index].targets) }
    names = groups.indices.map { "group_\($0)" }
    layers = layers.map(withLoadedNames)
    let owners = layers.enumerated().flatMap { group, names in names.map { ($0, group) } }
    let reading = TargetReading(groups.map(\.targets))
    if reading?.isAlike(Dictionary(owners, uniquingKeysWith: { $1 })) != true {
      for index in groups.indices { groups[index].targets = layers[index] }
    }
  }

  /// The configuration as compressed-tensors writes it: all keys, in alphabetical order.
  package var json: JSONValue {
    [
      "config_groups": .object(zip(names, groups).map { JSONValue.Member($0, $1.json) }),
      "format": .string(format.rawValue),
      "global_compression_ratio": nil,
      "ignore": .array(ignore.map { .string($0) }),
      "kv_cache_scheme": keyValueCacheScheme?.json ?? .null,
      "quant_method": .string(CompressedTensors().name),
      "quantization_status": "compressed",
      "sparsity_config": [:],
      "transform_config": [:],
      "version": .string(Self.version),
    ]
  }

  private static let keys = [
    "config_groups", "format", "global_compression_ratio", "ignore", "kv_cache_scheme",
    "quant_method", "quantization_status", "sparsity_config", "transform_config", "version",
  ]

  /// Reads a configuration from a checkpoint.
  ///
  /// - Parameter fields: The value of `quantization_config`.
  /// - Throws: `InputError` whose place is the path of the key at fault: `unsupported` for sparsity
  ///   and transforms, `invalidValue` for what has no meaning.
  package init(fields: JSONReader) throws(InputError) {
    try fields.requireKeys(among: Self.keys)
    for key in ["sparsity_config", "transform_config"] {
      guard let reader = try fields.optional(key), try !reader.members().isEmpty else { continue }
      throw InputError(.unsupported, place: reader.path, "is not supported; expected {}")
    }
    let groupFields = try fields.required("config_groups")
    let named = try groupFields.members()
    // Each pair of groups may compete for a layer.
    guard named.count <= Self.groupLimit else {
      throw InputError(
        .invalidValue, place: groupFields.path,
        "has \(named.count) groups, expected at most \(Self.groupLimit)")
    }
    groups = []
    for group in named { groups.append(try QuantizationScheme(fields: group.reader)) }
    names = named.map(\.key)
    ignore = []
    for name in try fields.optional("ignore")?.elements() ?? [] {
      ignore.append(try name.string())
    }
    keyValueCacheScheme = nil
    if let reader = try fields.optional("kv_cache_scheme") {
      keyValueCacheScheme = try QuantizationArguments(fields: reader)
    }
    // The format of groups that do not name theirs.
    if let format = try fields.optional("format")?.choice(CompressionFormat.self),
      format != .mixedPrecision
    {
      for index in groups.indices where groups[index].format == nil {
        groups[index].format = format
      }
    }
  }
}

extension QuantizationScheme {
  /// Fills in what compressed-tensors records by default.
  fileprivate mutating func recordDefaults() {
    if var arguments = weights {
      if arguments.observer == nil { arguments.observer = "memoryless_minmax" }
      if arguments.zeroPointDType == nil, !arguments.isSymmetric {
        arguments.zeroPointDType = .int8
      }
      arguments.scaleDType = arguments.storedScaleDType
      weights = arguments
    }
    if var arguments = inputActivations {
      if arguments.observer == nil, arguments.dynamic != .all {
        arguments.observer = "static_minmax"
      }
      arguments.scaleDType = arguments.storedScaleDType
      inputActivations = arguments
    }
  }
}
