import JSONText

/// What a template computes with: JSON's values, and what only templates have. No value can change but a namespace.
enum TemplateValue {
  /// Nothing; what is said where it is used all the same.
  case undefined(String)
  case none
  case bool(Bool)
  case integer(Int)
  /// A whole number beyond 64 bits, which can be printed only.
  case wideInteger(String)
  case float(Double)
  case string(String)
  case list(TemplateList)
  case mapping(TemplateMapping)
  case namespace(TemplateNamespace)
  case macro(TemplateMacro)
  case function(TemplateFunction)
  case loop(LoopState)

  /// The type as messages name it.
  var typeName: String {
    switch self {
    case .undefined: "an undefined value"
    case .none: "none"
    case .bool: "a boolean"
    case .integer, .wideInteger: "a whole number"
    case .float: "a number"
    case .string: "a string"
    case .list(let list): list.kind == .tuple ? "a tuple" : "a list"
    case .mapping: "a mapping"
    case .namespace: "a namespace"
    case .macro: "a macro"
    case .function: "a function"
    case .loop: "a loop"
    }
  }

  /// Whether `if` takes it for true.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .float(let value): value != 0
    case .string(let text): !text.isEmpty
    case .list(let list): list.kind == .iterator || !list.elements.isEmpty
    case .mapping(let mapping): mapping.count > 0
    case .wideInteger, .namespace, .macro, .function, .loop: true
    }
  }

  /// How many lists and mappings are in one another, those among them that loops and methods hold.
  var depth: Int {
    switch self {
    case .list(let list): list.depth
    case .mapping(let mapping): mapping.depth
    case .function(let function): function.depth
    case .loop(let loop): loop.depth
    default: 0
    }
  }

  /// The value as a whole number where it is one, truth values among them.
  var integerValue: Int? {
    switch self {
    case .bool(let value): value ? 1 : 0
    case .integer(let value): value
    default: nil
    }
  }

  /// The value as a number where it is one, truth values among them.
  var doubleValue: Double? {
    switch self {
    case .float(let value): value
    case .wideInteger(let text): Double(text)
    default: integerValue.map(Double.init)
    }
  }
}

/// Values in a row.
struct TemplateList {
  enum Kind: Equatable {
    case list, tuple
    /// What filters give: true even if it is empty, and without a length.
    case iterator
    /// Keys, values or items of a mapping, by the name that they are printed with.
    case view(String)
  }

  var kind: Kind
  let elements: [TemplateValue]
  let depth: Int

  init(_ elements: [TemplateValue], _ kind: Kind = .list) {
    self.kind = kind
    self.elements = elements
    depth = elements.depth
  }
}

/// Keys with their values, in order.
struct TemplateMapping {
  private(set) var keys: [TemplateValue] = []
  private(set) var values: [TemplateValue] = []
  private var places: [TemplateKey: Int] = [:]
  private(set) var depth = 1

  var count: Int { keys.count }

  subscript(_ key: TemplateKey) -> TemplateValue? { places[key].map { values[$0] } }

  /// Sets the value where the key stands, or at the end.
  mutating func set(_ key: TemplateKey, named name: TemplateValue, _ value: TemplateValue) {
    depth = max(depth, 1 + value.depth)
    if let place = places[key] {
      values[place] = value
    } else {
      places[key] = keys.count
      keys.append(name)
      values.append(value)
    }
  }
}

/// A key as it is compared: `1`, `1.0` and `true` are one key, and strings are compared byte by byte.
struct TemplateKey: Hashable {
  private let bytes: [UInt8]

  private init(bytes: [UInt8]) { self.bytes = bytes }

  init(_ text: String) { bytes = [1] + text.utf8 }

  /// Nil for what cannot be a key.
  init?(_ value: TemplateValue) {
    switch value {
    case .string(let text): self.init(text)
    case .none: self.init(bytes: [2])
    case .bool, .integer, .float, .wideInteger:
      let number =
        value.integerValue ?? value.doubleValue.flatMap { Int(exactly: $0) }
      self.init(bytes: [3] + (number.map(String.init) ?? value.number ?? "").utf8)
    default: return nil
    }
  }
}

/// What `namespace()` makes: the one thing that a template can change.
final class TemplateNamespace {
  var members: TemplateMapping
  init(_ members: TemplateMapping) { self.members = members }
}

/// A macro where it was defined.
final class TemplateMacro {
  let definition: MacroDefinition
  /// Nil once the template has been rendered.
  var scope: TemplateScope?

  init(_ definition: MacroDefinition, _ scope: TemplateScope) {
    self.definition = definition
    self.scope = scope
  }
}

/// A function, or a method with the value that it belongs to.
struct TemplateFunction {
  var name: String
  /// That of the value whose method it is.
  var depth = 0
  var call: (TemplateRenderer, CallArguments) throws -> TemplateValue
}

/// Where a `for` is.
final class LoopState {
  let elements: [TemplateValue]
  let depth: Int
  var index = 0

  init(_ elements: [TemplateValue]) {
    self.elements = elements
    depth = elements.depth
  }
}

extension [TemplateValue] {
  /// The depth of what holds these.
  fileprivate var depth: Int { 1 + (lazy.map(\.depth).max() ?? 0) }
}

/// Names and their values; what is not found here is looked for outside.
final class TemplateScope {
  var values: [String: TemplateValue] = [:]
  let outer: TemplateScope?

  init(in outer: TemplateScope?) { self.outer = outer }

  subscript(_ name: String) -> TemplateValue? {
    var scope: TemplateScope? = self
    while let current = scope {
      if let value = current.values[name] { return value }
      scope = current.outer
    }
    return nil
  }
}

extension TemplateValue {
  init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .number(let text):
      if text.utf8.contains(where: {
        [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains($0)
      }) {
        self = .float(Double(text) ?? .nan)
      } else {
        self = Int(text).map { .integer($0) } ?? .wideInteger(text)
      }
    case .string(let text): self = .string(text)
    case .array(let elements): self = .list(TemplateList(elements.map { TemplateValue($0) }))
    case .object(let members):
      var mapping = TemplateMapping()
      for member in members {
        mapping.set(
          TemplateKey(member.key), named: .string(member.key), TemplateValue(member.value))
      }
      self = .mapping(mapping)
    }
  }
}
