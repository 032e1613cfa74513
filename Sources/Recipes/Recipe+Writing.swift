import Diagnostics
import JSONText
import Quantization
import Recordings
import Yams

extension Recipe {
  /// The recipe as YAML text that reads back as the same recipe, without the arguments that have no
  /// effect and without those that were not given.
  public var yaml: String {
    let root = JSONValue.object(
      stages.map { stage in
        JSONValue.Member(
          stage.name,
          .object(
            stage.groups.map { group in
              JSONValue.Member(group.name, .object(group.modifiers.map(\.json)))
            }))
      })
    do {
      return try Yams.serialize(node: node(root), width: -1, allowUnicode: true)
    } catch {
      // The tree is built of mappings, lists and scalars only, which the writer always accepts.
      preconditionFailure("a recipe cannot be written: \(error)")
    }
  }
}

extension Recipe.Modifier {
  fileprivate var json: JSONValue.Member {
    switch self {
    case .autoRound(let options): JSONValue.Member("AutoRoundModifier", options.json)
    case .keysAndValues(let cache):
      JSONValue.Member("QuantizationModifier", ["kv_cache_scheme": cache.json])
    }
  }
}

extension AutoRoundOptions {
  /// All arguments that were given, by their keys in a recipe.
  var json: JSONValue {
    var members: [JSONValue.Member] = []
    func add(_ key: String, _ value: JSONValue?) {
      if let value { members.append(JSONValue.Member(key, value)) }
    }
    func list(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
    switch scheme {
    case .groups(let groups)?:
      add("config_groups", .object(groups.map { JSONValue.Member($0.name, $0.scheme.recipeJSON) }))
    case .preset(let name)?:
      add("scheme", .string(name))
    case .presets(let presets)?:
      add("scheme", .object(presets.map { JSONValue.Member($0.preset, list($0.targets)) }))
    case nil:
      break
    }
    add("targets", list(targets))
    add("ignore", list(ignore))
    add("kv_cache_scheme", keyValueCacheScheme?.json)
    members += observers
    members += RunOptions.declared.compactMap { $0.recipeMember(values) }
    return .object(members)
  }
}

extension QuantizationScheme {
  /// The scheme's keys; the format is among them only if it was asked for.
  fileprivate var recipeJSON: JSONValue { format == nil ? json.removing("format") : json }
}

/// YAML for a JSON document: mappings in block style, lists of scalars on one line. Strings are
/// quoted whenever they could be read as something else.
private func node(_ value: JSONValue) -> Yams.Node {
  switch value {
  case .null: return Yams.Node("null", Tag(.null))
  case .bool(let value): return Yams.Node(value ? "true" : "false", Tag(.bool))
  case .number(let text): return Yams.Node(text, Tag(.float))
  case .string(let text): return Yams.Node(text, Tag(.str), style(of: text))
  case .array(let elements):
    return .sequence(Yams.Node.Sequence(elements.map(node), .implicit, .flow))
  case .object(let members):
    let pairs = members.map { (node(.string($0.key)), node($0.value)) }
    return .mapping(Yams.Node.Mapping(pairs, .implicit, pairs.isEmpty ? .flow : .block))
  }
}

/// Plain only where nothing in the text has a meaning in YAML 1.1.
private func style(of text: String) -> Yams.Node.Scalar.Style {
  let isPlain =
    text.first?.isLetter == true
    && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
  let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
  return isPlain && !words.contains(text.lowercased()) ? .plain : .singleQuoted
}
