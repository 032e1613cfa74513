package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization
package import QuantizedCheckpoints

extension MLX: CheckpointFamily {
  package var version: String { Runtime.version }

  package var holdsEmbeddings: Bool { true }

  package var transformersPackage: String? { nil }

  package func command(running checkpoint: String) -> (package: String, line: String)? {
    ("mlx-lm", "mlx_lm.generate --model \(checkpoint) --prompt \"Once upon a time\"")
  }

  /// The family that stores layers of some schemes.
  ///
  /// - Throws: `unsupported` for a scheme that it does not hold, with the layer.
  package static func family(
    of schemes: [String: QuantizationScheme]
  ) throws(InputError) -> any CheckpointFamily {
    let family = MLX()
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      try family.requireHolds(scheme, path: layer)
    }
    return family
  }

  package func outline(
    of configuration: JSONValue, tensors: [TensorInfo], modules: [ModuleDescription],
    schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?
  ) throws(InputError) -> CheckpointOutline {
    guard keyValues == nil else {
      throw InputError(
        .unsupported, place: "kv_cache_scheme",
        "found quantized keys and values, expected null in \(name)")
    }
    let family = try Runtime.family(of: configuration)
    if family.head == .isTheEmbedding, let head = schemes["lm_head"], head.weights != nil {
      throw InputError(
        .unsupported, place: "lm_head",
        "is to be quantized; of this family mlx-lm takes the embedding for it, which stays as it is"
      )
    }
    guard family.head != .isApart || tensors.contains(where: { $0.name == "lm_head.weight" }) else {
      throw InputError(
        .unsupported, place: "lm_head",
        "has no weight of its own; for models of this family mlx-lm looks for one")
    }
    if let other = schemes.keys.sorted().first(where: { !$0.hasPrefix(family.prefix) }) {
      throw InputError(
        .unsupported, place: other,
        "is not under \(family.prefix), where mlx-lm looks for the part of this family that reads text"
      )
    }
    if let bound = configuration["clip_qkv"], !bound.isNull {
      throw InputError(
        .unsupported, place: "clip_qkv",
        "found \(bound.text()), expected null: mlx-lm does not bound projections")
    }
    try ExpertStacks(tensors, schemes).requireAlike()
    var outline = CheckpointOutline(configuration: configuration)
    outline.fileFormat = name
    let hasHead = tensors.contains { $0.name == "\(family.prefix)lm_head.weight" }
    try outline.configuration.suit(family, hasHead: hasHead)
    let settings = Self.settings(modules: modules, schemes: schemes)
    for key in [Self.key, "quantization_config"] { outline.configuration.set(key, settings) }
    outline.documents = [("config.json", outline.configuration.text(indentation: 2) + "\n")]
    try outline.add(tensors, schemes: schemes, keyValues: nil, of: self)
    return outline
  }

  /// Layers are stored in one way.
  /// Bits and groups of most layers; those of others by what mlx-lm calls them, and `false` for modules that it would
  /// quantize.
  private static func settings(
    modules: [ModuleDescription], schemes: [String: QuantizationScheme]
  ) -> JSONValue {
    var entries: [(module: String, settings: RowSettings?)] = []
    var seen: Set<String> = []
    let known = Set(modules.map(\.name))
    for name in modules.map(\.name) + schemes.keys.filter({ !known.contains($0) }).sorted() {
      let module = ModuleDescription.name(ofWeight: ExpertNames.place(of: "\(name).weight").tensor)
      guard let module, seen.insert(module).inserted else { continue }
      entries.append((module, schemes[name]?.weights.map(RowSettings.init)))
    }
    // Of several that are equally frequent, the first.
    var counts: [(settings: RowSettings, count: Int)] = []
    for settings in entries.compactMap(\.settings) {
      if let index = counts.firstIndex(where: { $0.settings == settings }) {
        counts[index].count += 1
      } else {
        counts.append((settings, 1))
      }
    }
    let most = counts.map(\.count).max()
    guard let usual = counts.first(where: { $0.count == most })?.settings else { return [:] }
    var result = usual.json
    for (module, settings) in entries where settings != usual {
      result.set(module, settings?.json ?? false)
    }
    return result
  }
}

/// Bits and groups of a module.
private struct RowSettings: Equatable {
  let groupSize: Int
  let bitCount: Int

  init(_ weights: QuantizationArguments) {
    (groupSize, bitCount) = (weights.groupSize ?? 0, weights.bitCount)
  }

  var json: JSONValue { ["group_size": JSONValue(groupSize), "bits": JSONValue(bitCount)] }
}
