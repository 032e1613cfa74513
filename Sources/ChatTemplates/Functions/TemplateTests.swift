import Diagnostics

/// What can follow `is`.
extension TemplateRenderer {
  func test(
    _ value: TemplateValue, _ name: String, _ arguments: CallArguments
  ) throws -> Bool {
    try spend()
    if let test = Self.plainTests[name] {
      guard arguments.positional.isEmpty else {
        throw failure("is \(name): takes no value to compare with")
      }
      // The only ones that read a text.
      if name == "lower" || name == "upper", case .string(let text) = value {
        try spend(text.utf8.count)
      }
      return test(value)
    }
    guard let symbol = Self.comparisons[name] else {
      throw failure(
        "the test \(quoted(name)) is unknown" + (advice(name, Self.testNames)), .unsupported)
    }
    let other = try BoundArguments(arguments, ["other"], of: "is \(name)", self).required(0)
    switch symbol {
    case "same": return try isSame(value, other)
    case "divisible": return try isEqual(compute(value, "%", other), .integer(0))
    default: return try compare(value, symbol, other)
    }
  }

  /// What is probably meant, for a message.
  func advice(_ name: String, _ known: [String]) -> String {
    NearestName.suggestion(for: name, among: known).map { "; did you mean \(quoted($0))?" }
      ?? "; expected one of \(known.joined(separator: ", "))"
  }

  private static let testNames = (Array(plainTests.keys) + comparisons.keys).filter {
    $0.first?.isLetter == true
  }.sorted()

  private static let comparisons = [
    "eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=", "lt": "<", "lessthan": "<",
    "<": "<", "gt": ">", "greaterthan": ">", ">": ">", "le": "<=", "<=": "<=", "ge": ">=",
    ">=": ">=", "in": "in", "sameas": "same", "divisibleby": "divisible",
  ]

  private func isSame(_ value: TemplateValue, _ other: TemplateValue) throws -> Bool {
    switch (value, other) {
    case (.bool, .bool), (.integer, .integer), (.none, .none), (.float, .float),
      (.string, .string), (.namespace, .namespace), (.macro, .macro), (.list, .list),
      (.mapping, .mapping):
      try isEqual(value, other)
    default: false
    }
  }

  private static let plainTests: [String: @Sendable (TemplateValue) -> Bool] = [
    "defined": { if case .undefined = $0 { false } else { true } },
    "undefined": { if case .undefined = $0 { true } else { false } },
    "none": { if case .none = $0 { true } else { false } },
    "string": { if case .string = $0 { true } else { false } },
    "boolean": { if case .bool = $0 { true } else { false } },
    "true": { if case .bool(true) = $0 { true } else { false } },
    "false": { if case .bool(false) = $0 { true } else { false } },
    "number": { $0.doubleValue != nil },
    "integer": {
      switch $0 {
      case .integer, .wideInteger: true
      default: false
      }
    },
    "float": { if case .float = $0 { true } else { false } },
    "mapping": { if case .mapping = $0 { true } else { false } },
    "callable": {
      switch $0 {
      case .function, .macro: true
      default: false
      }
    },
    "iterable": {
      switch $0 {
      case .string, .list, .mapping, .undefined, .loop: true
      default: false
      }
    },
    "sequence": {
      switch $0 {
      case .string, .mapping, .undefined: true
      case .list(let list): list.kind == .list || list.kind == .tuple
      default: false
      }
    },
    "even": { $0.integerValue.map { $0 % 2 == 0 } ?? false },
    "odd": { $0.integerValue.map { $0 % 2 != 0 } ?? false },
    "lower": { if case .string(let text) = $0 { isLower(text) } else { false } },
    "upper": { if case .string(let text) = $0 { isUpper(text) } else { false } },
  ]
}
