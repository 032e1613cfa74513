import Diagnostics
import JSONText
import Yams

extension RecipeNode {
  /// Limits that no honest recipe comes near; they bound what a hostile one can cost.
  private enum Limit {
    static let nodeCount = 20_000
    static let depth = 24
    /// Aliases multiply: a chain of n of them stands for up to 3^(n/3) copies of a value.
    static let aliasCount = 16
    /// Nesting, as far as it can be seen before parsing.
    static let bracketDepth = 200
  }

  /// Parses one YAML document; JSON is accepted as the part of YAML that it is.
  ///
  /// Plain scalars are read as the reference reads them (YAML 1.1: `yes`, `on` and `off` are truth
  /// values), with one addition: `1e-3` is a number. Keys are always text.
  ///
  /// - Throws: `InputError` with the line and column of what is wrong.
  init(yaml text: String) throws {
    guard text.utf8.count <= Recipe.byteCountLimit else {
      throw InputError(
        .invalidValue,
        "the recipe has \(text.utf8.count) bytes; at most \(Recipe.byteCountLimit) are read")
    }
    try Self.checkBeforeParsing(text)
    let root: Yams.Node?
    do {
      // The basic resolver leaves scalars as text: which of them are numbers is decided below.
      root = try Yams.Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw Self.inputError(from: error)
    }
    guard let root else { throw Self.emptyRecipe }
    var budget = Limit.nodeCount
    self = try Self(root, depth: 0, budget: &budget)
    if isNull { throw Self.emptyRecipe }
  }

  private static let emptyRecipe = InputError(
    .malformed, "the recipe is empty; expected a stage with an AutoRoundModifier")

  /// Refuses text whose parsing alone would be expensive: towers of aliases, towers of brackets.
  private static func checkBeforeParsing(_ text: String) throws {
    var mark = Mark(line: 1, column: 0)
    var aliasCount = 0
    var depth = 0
    var startsToken = true
    var isStar = false
    for byte in text.utf8 {
      if byte & 0xC0 != 0x80 { mark.column += 1 }
      if isStar, byte > UInt8(ascii: " "), byte != UInt8(ascii: "*") {
        aliasCount += 1
        if aliasCount > Limit.aliasCount {
          let star = Mark(line: mark.line, column: mark.column - 1)
          throw star.error("more than \(Limit.aliasCount) aliases (*name); write the values out")
        }
      }
      isStar = byte == UInt8(ascii: "*") && startsToken
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: "\n"): mark = Mark(line: mark.line + 1, column: 0)
      default: break
      }
      if depth > Limit.bracketDepth { throw tooDeep(at: mark) }
      startsToken = byte <= UInt8(ascii: " ") || ",[{:-?".utf8.contains(byte)
    }
  }

  private static func tooDeep(at mark: Mark) -> InputError {
    mark.error("values are nested too deeply for a recipe")
  }

  private init(_ node: Yams.Node, depth: Int, budget: inout Int) throws {
    let mark = node.mark.map { Mark(line: $0.line, column: $0.column) } ?? Mark(line: 1, column: 1)
    guard depth <= Limit.depth else { throw Self.tooDeep(at: mark) }
    budget -= 1
    guard budget >= 0 else {
      throw mark.error("the recipe stands for more than \(Limit.nodeCount) values")
    }
    self.mark = mark
    switch node {
    case .scalar(let scalar):
      self.value = .scalar(try Self.value(of: scalar, at: mark))
    case .sequence(let sequence):
      try Self.checkTag(sequence.tag, at: mark)
      var nodes: [RecipeNode] = []
      for element in sequence {
        nodes.append(try RecipeNode(element, depth: depth + 1, budget: &budget))
      }
      self.value = .list(nodes)
    case .mapping(let mapping):
      try Self.checkTag(mapping.tag, at: mark)
      var (entries, merged): ([Entry], [Entry]) = ([], [])
      for (key, element) in mapping {
        let keyMark = key.mark.map { Mark(line: $0.line, column: $0.column) } ?? mark
        guard let name = key.scalar?.string else {
          throw keyMark.error("a key must be text", code: .malformed)
        }
        let value = try RecipeNode(element, depth: depth + 1, budget: &budget)
        if name == "<<", key.scalar?.style == .plain {
          merged += try Self.merged(value, at: keyMark)
        } else {
          entries.append(Entry(key: name, mark: keyMark, value: value))
        }
      }
      // What is written here goes before what is merged, and of that what comes first.
      for entry in merged where !entries.contains(where: { $0.key == entry.key }) {
        entries.append(entry)
      }
      self.value = .mapping(entries)
    case .alias:
      throw mark.error("an alias that stands for nothing", code: .malformed)
    }
  }

  /// The entries that a merge key (`<<: *name`) adds: those of a mapping, or of a list of mappings.
  private static func merged(_ node: RecipeNode, at mark: Mark) throws -> [Entry] {
    switch node.value {
    case .mapping(let entries): return entries
    case .list(let nodes):
      return try nodes.flatMap { element in
        guard case .mapping(let entries) = element.value else { throw notMergeable(at: mark) }
        return entries
      }
    default: throw notMergeable(at: mark)
    }
  }

  private static func notMergeable(at mark: Mark) -> InputError {
    mark.error(
      "'<<' merges a mapping, or a list of mappings; found something else", code: .malformed)
  }

  private static func checkTag(_ tag: Tag, at mark: Mark) throws {
    let name = tag.rawValue
    guard name.isEmpty || name == "!" || standardTags.contains(name) else {
      throw mark.error("the tag \(quoted(name)) has no meaning in a recipe", code: .unsupported)
    }
  }

  private static let standardTags: Set<String> = [
    Tag.Name.str.rawValue, Tag.Name.seq.rawValue, Tag.Name.map.rawValue,
  ]

  private static func value(of scalar: Yams.Node.Scalar, at mark: Mark) throws -> JSONValue {
    try checkTag(scalar.tag, at: mark)
    guard scalar.style == .plain, scalar.tag.rawValue.isEmpty else { return .string(scalar.string) }
    switch scalar.string {
    case "", "~", "null", "Null", "NULL":
      return .null
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON":
      return .bool(true)
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF":
      return .bool(false)
    default:
      return jsonNumber(scalar.string).map(JSONValue.number) ?? .string(scalar.string)
    }
  }

  /// A YAML decimal number in JSON's grammar: `+1_000` is `1000`, `.5` is `0.5`, `2.` is `2.0`.
  /// Other notations (`0x10`, `010`, `.inf`) are not numbers to a recipe.
  private static func jsonNumber(_ text: String) -> String? {
    // Making the expression takes longer than all else that is done with most texts.
    guard let first = text.first, "+-.0123456789".contains(first) else { return nil }
    let form = /([-+]?)([0-9]*)(?:\.([0-9]*))?((?:[eE][-+]?[0-9]+)?)/
    guard let match = text.filter({ $0 != "_" }).wholeMatch(of: form) else { return nil }
    let (_, sign, whole, fraction, exponent) = match.output
    guard !whole.isEmpty || fraction?.isEmpty == false, whole.count < 2 || whole.first != "0" else {
      return nil
    }
    return (sign == "-" ? "-" : "") + (whole.isEmpty ? "0" : whole)
      + (fraction.map { $0.isEmpty ? ".0" : ".\($0)" } ?? "") + exponent.lowercased()
  }

  private static func inputError(from error: YamlError) -> InputError {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let place = Mark(line: mark.line, column: mark.column).description
      let text = [context?.text, problem].compactMap(\.self).joined(separator: ", ")
      return InputError(.malformed, place: place, "not YAML: \(text)")
    case .reader(let problem, let offset, _, _):
      let place = offset.map { "character \($0)" }
      return InputError(.malformed, place: place, "not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      let keys = duplicates.map { quoted("\($0)") }.joined(separator: ", ")
      return InputError(
        .malformed, place: "line \(context.mark.line), column \(context.mark.column)",
        "\(keys) is written more than once in the same place")
    default:
      return InputError(.malformed, "not YAML: \(error)")
    }
  }
}
