import Diagnostics
import Quantization

extension Recipe {
  /// Reads a recipe from text in YAML or JSON.
  ///
  /// - Throws: `InputError` with the line and column.
  public init(_ text: String) throws {
    self.init(stages: [])
    let root = try RecipeNode(yaml: text)
    var shortForm = Stage(name: Self.defaultStage, groups: [])
    for entry in try root.entries("a recipe") {
      if Self.isModifierName(entry.key) {
        let modifier = try modifier(entry)
        shortForm.groups.append(Group(name: Self.defaultGroup, modifiers: [modifier]))
      } else if Self.isGroupName(entry.key) {
        shortForm.groups.append(try group(entry))
      } else {
        stages.append(try stage(entry))
      }
    }
    if !shortForm.groups.isEmpty {
      guard stages.isEmpty else {
        throw root.mark.error("modifiers stand beside stages; put them into one")
      }
      stages = [shortForm]
    }
    guard !modifiers.isEmpty else {
      throw root.mark.error(
        "the recipe has no modifier; expected an AutoRoundModifier", code: .malformed)
    }
  }

  /// Whether a key is meant to be a modifier's, correctly spelt or not.
  private static func isModifierName(_ key: String) -> Bool {
    key.hasSuffix("Modifier") || NearestName.suggestion(for: key, among: modifierNames) != nil
  }
  private static let modifierNames = ["AutoRoundModifier", "QuantizationModifier"]
  private static func isGroupName(_ key: String) -> Bool { key.hasSuffix("modifiers") }

  private mutating func stage(_ entry: RecipeNode.Entry) throws -> Stage {
    guard case .mapping(let entries) = entry.value.value else {
      throw entry.mark.error(
        "\(quoted(entry.key)) is neither a modifier nor a stage: expected groups of modifiers "
          + "below it, found \(entry.value.found)")
    }
    return Stage(
      name: entry.key,
      groups: try entries.map { entry in
        guard Self.isGroupName(entry.key) else {
          throw entry.mark.error(
            "\(quoted(entry.key)) is not a key of a stage; a stage has groups, whose names "
              + "end in 'modifiers'")
        }
        return try group(entry)
      })
  }

  private mutating func group(_ entry: RecipeNode.Entry) throws -> Group {
    var group = Group(name: entry.key, modifiers: [])
    for entry in try entry.value.entries(entry.key) { group.modifiers.append(try modifier(entry)) }
    return group
  }

  private mutating func modifier(_ entry: RecipeNode.Entry) throws -> Modifier {
    switch entry.key {
    case "AutoRoundModifier":
      // Without any argument the value is null: everything is left to the defaults.
      if entry.value.isNull { return .autoRound(AutoRoundOptions()) }
      return .autoRound(try AutoRoundOptions(entry.value, warnings: &warnings))
    case "QuantizationModifier":
      return .keysAndValues(try Self.keysAndValues(entry))
    default:
      let nearest = NearestName.suggestion(for: entry.key, among: Self.modifierNames)
      throw entry.mark.error(
        "there is no modifier \(quoted(entry.key)); "
          + (nearest.map { "did you mean \(quoted($0))?" }
            ?? "there is \(Self.modifierNames.joined(separator: ", "))"),
        code: .unsupported)
    }
  }

  /// The only thing that a `QuantizationModifier` is read for; weights are AutoRound's.
  private static func keysAndValues(_ entry: RecipeNode.Entry) throws -> QuantizationArguments {
    // Written by other programs; they say nothing where no weights are quantized.
    let others = ["targets", "ignore", "bypass_divisibility_checks", "requires_calibration_data"]
    var found: QuantizationArguments?
    for argument in try entry.value.entries(entry.key) {
      if argument.key == "kv_cache_scheme" {
        found = try AutoRoundOptions.keyValueCacheScheme(argument)
      } else if !others.contains(argument.key), !argument.value.isNull {
        throw argument.mark.error(
          "\(quoted(argument.key)): a QuantizationModifier is read for kv_cache_scheme alone; "
            + "weights are quantized by an AutoRoundModifier", code: .unsupported)
      }
    }
    guard let found else {
      throw entry.mark.error("'kv_cache_scheme' is missing in \(entry.key)", code: .missing)
    }
    return found
  }
}
