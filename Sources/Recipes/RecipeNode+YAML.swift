import Diagnostics
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
          throw InputError(
            .invalidValue, place: star.description,
            "more than \(Limit.aliasCount) aliases (*name); write the values out")
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
    InputError(.invalidValue, place: mark.description, "values are nested too deeply for a recipe")
  }

  private init(_ node: Yams.Node, depth: Int, budget: inout Int) throws {
    let mark = node.mark.map { Mark(line: $0.line, column: $0.column) } ?? Mark(line: 1, column: 1)
    guard depth <= Limit.depth else { throw Self.tooDeep(at: mark) }
    budget -= 1
    guard budget >= 0 else {
      throw InputError(
        .invalidValue, place: mark.description,
        "the recipe stands for more than \(Limit.nodeCount) values")
    }
    self.mark = mark
    switch node {
    case .scalar(let scalar):
      self.value = try Self.value(of: scalar, at: mark)
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
          throw InputError(.malformed, place: keyMark.description, "a key must be text")
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
      throw InputError(.malformed, place: mark.description, "an alias that stands for nothing")
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
    InputError(
      .malformed, place: mark.description,
      "'<<' merges a mapping, or a list of mappings; found something else")
  }

  private static func checkTag(_ tag: Tag, at mark: Mark) throws {
    let name = tag.rawValue
    guard name.isEmpty || name == "!" || standardTags.contains(name) else {
      throw InputError(
        .unsupported, place: mark.description, "the tag \(quoted(name)) has no meaning in a recipe")
    }
  }

  private static let standardTags: Set<String> = [
    Tag.Name.str.rawValue, Tag.Name.seq.rawValue, Tag.Name.map.rawValue,
  ]

  private static func value(of scalar: Yams.Node.Scalar, at mark: Mark) throws -> Value {
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
      return jsonNumber(scalar.string).map(Value.number) ?? .string(scalar.string)
    }
  }

  /// A YAML decimal number in JSON's grammar: `+1_000` is `1000`, `.5` is `0.5`, `2.` is `2.0`.
  /// Other notations (`0x10`, `010`, `.inf`) are not numbers to a recipe.
  private static func jsonNumber(_ text: String) -> String? {
    var rest = text.filter { $0 != "_" }[...]
    guard text.first != "_" else { return nil }
    let isNegative = rest.first == "-"
    if isNegative || rest.first == "+" { rest.removeFirst() }
    func digits() -> Substring {
      let digits = rest.prefix { ("0"..."9").contains($0) }
      rest = rest.dropFirst(digits.count)
      return digits
    }
    let whole = digits()
    var result = (isNegative ? "-" : "") + (whole.isEmpty ? "0" : whole)
    var fraction: Substring = ""
    if rest.first == "." {
      rest.removeFirst()
      fraction = digits()
      result += "." + (fraction.isEmpty ? "0" : fraction)
    }
    guard !(whole.isEmpty && fraction.isEmpty), !(whole.count > 1 && whole.first == "0") else {
      return nil
    }
    if rest.first == "e" || rest.first == "E" {
      rest.removeFirst()
      var sign = ""
      if let first = rest.first, first == "-" || first == "+" {
        sign = String(first)
        rest.removeFirst()
      }
      let exponent = digits()
      guard !exponent.isEmpty else { return nil }
      result += "e" + sign + exponent
    }
    return rest.isEmpty ? result : nil
  }

  private static func inputError(from error: YamlError) -> InputError {
    func describe(_ context: YamlError.Context?, _ problem: String, _ mark: Yams.Mark) -> InputError
    {
      let place = Mark(line: mark.line, column: mark.column).description
      let text = [context?.text, problem].compactMap { $0 }.joined(separator: ", ")
      return InputError(.malformed, place: place, "not YAML: \(text)")
    }
    switch error {
    case .scanner(let context, let problem, let mark, _):
      return describe(context, problem, mark)
    case .parser(let context, let problem, let mark, _):
      return describe(context, problem, mark)
    case .composer(let context, let problem, let mark, _):
      return describe(context, problem, mark)
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
