import Diagnostics
import JSONText
import Quantization

extension AutoRoundOptions {
  /// What `AutoRoundModifier` understands besides the keys of ``RunOptions``.
  private enum Key: String, CaseIterable {
    case configGroups = "config_groups"
    case targets, ignore, scheme
    case kvCacheScheme = "kv_cache_scheme"
    case observer
    case weightObserver = "weight_observer"
    case inputObserver = "input_observer"
    case outputObserver = "output_observer"
    case enableTorchCompile = "enable_torch_compile"
    case deviceIDs = "device_ids"
    case requiresCalibrationData = "requires_calibration_data"
    case index, group, start, end, update
  }

  /// Reads the arguments of an `AutoRoundModifier`, and appends to `warnings` what has no effect.
  init(_ node: RecipeNode, warnings: inout [String]) throws {
    self.init()
    for entry in try node.entries("AutoRoundModifier") {
      if let option = RunOptions.declared.first(where: { $0.keyName == entry.key }) {
        if !entry.value.isNull, let expectation = option.read(entry.value.json, into: &values) {
          throw entry.value.mismatch(entry.key, expected: expectation)
        }
      } else if let key = Key(rawValue: entry.key) {
        if !entry.value.isNull { try set(key, to: entry, warnings: &warnings) }
      } else {
        throw unknownKey(
          entry, of: "AutoRoundModifier",
          known: Key.allCases.map(\.rawValue) + RunOptions.declared.compactMap(\.keyName))
      }
    }
  }

  private mutating func set(
    _ key: Key, to entry: RecipeNode.Entry, warnings: inout [String]
  ) throws {
    let (name, value) = (entry.key, entry.value)
    switch key {
    case .targets: targets = try value.strings(name)
    case .ignore: ignore = try value.strings(name)
    case .scheme: try select(Self.presets(value), entry)
    case .configGroups: try select(.groups(Self.groups(value)), entry)
    case .observer, .weightObserver, .inputObserver, .outputObserver:
      observers.append(JSONValue.Member(name, value.json))
    case .requiresCalibrationData:
      _ = try value.bool(name)  // written by other programs; it always does
    case .kvCacheScheme:
      keyValueCacheScheme = try Self.keyValueCacheScheme(entry)
    case .enableTorchCompile, .deviceIDs, .index, .group, .start, .end, .update:
      warnings.append("\(entry.mark): \(quoted(name)) has no effect here")
    }
  }

  private mutating func select(_ selection: SchemeSelection, _ entry: RecipeNode.Entry) throws {
    guard scheme == nil else {
      throw entry.mark.error("'scheme' and 'config_groups' exclude each other; keep one of them")
    }
    scheme = selection
  }

  private static func presets(_ node: RecipeNode) throws -> SchemeSelection {
    guard case .mapping(let entries) = node.value else {
      let name = try node.string("scheme")
      try check(preset: name, at: node.mark)
      return .preset(name)
    }
    guard !entries.isEmpty else {
      throw node.mark.error("scheme: expected a preset, found none")
    }
    return .presets(
      try entries.map { entry in
        try check(preset: entry.key, at: entry.mark)
        return PresetTargets(preset: entry.key, targets: try entry.value.strings(entry.key))
      })
  }

  private static func check(preset name: String, at mark: RecipeNode.Mark) throws {
    do {
      _ = try QuantizationScheme.preset(named: name)
    } catch {
      throw mark.error("scheme: \(error.message)", code: error.code)
    }
  }

  private static func groups(_ node: RecipeNode) throws -> [ConfigGroup] {
    let entries = try node.entries("config_groups")
    guard !entries.isEmpty else {
      throw node.mark.error("config_groups: expected a group, found none")
    }
    return try entries.map { entry in
      ConfigGroup(
        name: entry.key,
        scheme: try entry.decoded { json throws(InputError) in try QuantizationScheme(json) })
    }
  }

  static func keyValueCacheScheme(
    _ entry: RecipeNode.Entry
  ) throws(InputError) -> QuantizationArguments {
    try entry.decoded { json throws(InputError) in
      let arguments = try QuantizationArguments(json)
      try arguments.requireKeyValues()
      try arguments.requireKeysInUse()
      return arguments
    }
  }
}

extension RecipeNode.Entry {
  /// What `decode` makes of the value. It knows the key path of a mistake within the value; the recipe knows the
  /// line.
  fileprivate func decoded<Value>(
    _ decode: (JSONValue) throws(InputError) -> Value
  ) throws(InputError) -> Value {
    do {
      return try decode(value.json)
    } catch {
      let mark = self.mark(atPath: error.place ?? "")
      let path = error.below(key).place ?? ""
      throw mark.error("\(path): \(error.message)", code: error.code)
    }
  }
}

/// An error about a key that does not exist where it stands, with the one that was probably meant.
func unknownKey(_ entry: RecipeNode.Entry, of owner: String, known: [String]) -> InputError {
  let advice =
    NearestName.suggestion(for: entry.key, among: known).map { "did you mean \(quoted($0))?" }
    ?? "it has " + known.joined(separator: ", ")
  return entry.mark.error("\(quoted(entry.key)) is not a key of \(owner); \(advice)")
}
