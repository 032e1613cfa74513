import Diagnostics

/// Methods of strings.
extension TemplateRenderer {
  static let stringMethods: [String: StringMethod] = {
    var methods = textTests
    methods.merge(textChanges) { first, _ in first }
    methods.merge(textSearches) { first, _ in first }
    return methods
  }()

  private static func changing(_ change: @escaping @Sendable (String) -> String) -> StringMethod {
    { renderer, text, arguments in
      guard arguments.positional.isEmpty, arguments.named.isEmpty else {
        throw renderer.failure("the method takes no arguments")
      }
      try renderer.spend(text.utf8.count * 4)
      return .string(change(text))
    }
  }

  private static func stripping(_ name: String, left: Bool, right: Bool) -> StringMethod {
    { renderer, text, arguments in
      let set = try BoundArguments(arguments, ["chars"], of: name, renderer).string(0)
      try renderer.spend(text.utf8.count + (set?.utf8.count ?? 0))
      return try renderer.string(text.stripped(set, left: left, right: right))
    }
  }

  private static let textChanges: [String: StringMethod] = [
    "strip": stripping("strip", left: true, right: true),
    "lstrip": stripping("lstrip", left: true, right: false),
    "rstrip": stripping("rstrip", left: false, right: true),
    "upper": changing { $0.uppercasedByScalars() },
    "lower": changing { $0.lowercasedByScalars() },
    "capitalize": changing { $0.capitalizedByScalars() },
    "title": changing { $0.titled { !$0.properties.isCased } },
    "swapcase": changing {
      $0.unicodeScalars.map {
        $0.properties.isUppercase ? $0.properties.lowercaseMapping : $0.properties.uppercaseMapping
      }.joined()
    },
    "replace": { renderer, text, arguments in
      let bound = try BoundArguments(arguments, ["old", "new", "count"], of: "replace", renderer)
      return try renderer.replaced(
        text, bound.requiredString(0), by: bound.requiredString(1), bound.integer(2, otherwise: -1))
    },
    "split": { try $0.split($1, $2, fromRight: false) },
    "rsplit": { try $0.split($1, $2, fromRight: true) },
    "splitlines": { renderer, text, arguments in
      let keeps = try BoundArguments(arguments, ["keepends"], of: "splitlines", renderer).flag(0)
      return try renderer.lines(of: text, keepsEnds: keeps)
    },
    "join": { renderer, text, arguments in
      let bound = try BoundArguments(arguments, ["iterable"], of: "join", renderer)
      let texts = try renderer.elements(of: bound.required(0), "join").map { element in
        guard case .string(let text) = element else {
          throw renderer.failure("join: found \(element.typeName), expected strings")
        }
        return text
      }
      return try renderer.joined(texts, by: text)
    },
    "format": { try $0.formatted($1, byFields: $2) },
    "removeprefix": { renderer, text, arguments in
      let prefix = try BoundArguments(arguments, ["prefix"], of: "removeprefix", renderer)
        .requiredString(0)
      try renderer.spend(text.utf8.count)
      guard text.utf8.starts(with: prefix.utf8) else { return .string(text) }
      return try renderer.string(
        String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self))
    },
    "removesuffix": { renderer, text, arguments in
      let suffix = try BoundArguments(arguments, ["suffix"], of: "removesuffix", renderer)
        .requiredString(0)
      try renderer.spend(text.utf8.count)
      guard text.utf8.reversed().starts(with: suffix.utf8.reversed()) else { return .string(text) }
      return try renderer.string(
        String(decoding: text.utf8.dropLast(suffix.utf8.count), as: UTF8.self))
    },
    "zfill": { renderer, text, arguments in
      let width = try BoundArguments(arguments, ["width"], of: "zfill", renderer)
        .integer(0, otherwise: 0)
      let zeros = try renderer.repeated(
        "0", width.subtractingReportingOverflow(text.unicodeScalars.count).partialValue)
      let sign = text.hasPrefix("-") || text.hasPrefix("+") ? String(text.prefix(1)) : ""
      return try renderer.string(sign + zeros + text.dropFirst(sign.count))
    },
  ]

  // MARK: Questions

  private static func asking(_ test: @escaping @Sendable (String) -> Bool) -> StringMethod {
    { renderer, text, _ in
      try renderer.spend(text.utf8.count)
      return .bool(test(text))
    }
  }

  private static func all(_ test: @escaping @Sendable (Unicode.Scalar) -> Bool) -> StringMethod {
    asking { !$0.isEmpty && $0.unicodeScalars.allSatisfy(test) }
  }

  static func isUpper(_ text: String) -> Bool {
    let cased = text.unicodeScalars.filter(\.properties.isCased)
    return !cased.isEmpty && cased.allSatisfy { !$0.properties.isLowercase }
  }

  static func isLower(_ text: String) -> Bool {
    let cased = text.unicodeScalars.filter(\.properties.isCased)
    return !cased.isEmpty && cased.allSatisfy(\.properties.isLowercase)
  }

  private static let textTests: [String: StringMethod] = [
    "isdigit": all { [.decimal, .digit].contains($0.properties.numericType) },
    "isdecimal": all { $0.properties.numericType == .decimal },
    "isnumeric": all { $0.properties.numericType != nil },
    "isalpha": all(isLetter),
    "isalnum": all { isLetter($0) || $0.properties.numericType != nil },
    "isspace": all(\.isTemplateSpace),
    "isupper": asking(isUpper), "islower": asking(isLower),
  ]

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  // MARK: Searches

  private static func matching(
    _ name: String, _ matches: @escaping @Sendable (String, String) -> Bool
  ) -> StringMethod {
    { renderer, text, arguments in
      let wanted = try BoundArguments(arguments, [name], of: name, renderer).required(0)
      var choices = [wanted]
      if case .list(let list) = wanted, list.kind == .tuple { choices = list.elements }
      return .bool(
        try choices.contains { choice in
          guard case .string(let choice) = choice else {
            throw renderer.failure("\(name): found \(choice.typeName), expected a string")
          }
          try renderer.spend(min(choice.utf8.count, text.utf8.count))
          return matches(text, choice)
        })
    }
  }

  private static func finding(
    _ name: String, fromRight: Bool, mustBeThere: Bool = false
  ) -> StringMethod {
    { renderer, text, arguments in
      let part = try BoundArguments(arguments, ["sub"], of: name, renderer).requiredString(0)
      let places = try text.places(of: part, limit: fromRight ? .max : 1, renderer)
      guard let place = fromRight ? places.last : places.first else {
        if mustBeThere { throw renderer.failure("\(name): \(quoted(part)) is not in the string") }
        return .integer(-1)
      }
      let before = String(decoding: text.utf8.prefix(place), as: UTF8.self)
      return .integer(before.unicodeScalars.count)
    }
  }

  private static let textSearches: [String: StringMethod] = [
    "startswith": matching("startswith") { $0.utf8.starts(with: $1.utf8) },
    "endswith": matching("endswith") { $0.utf8.reversed().starts(with: $1.utf8.reversed()) },
    "find": finding("find", fromRight: false),
    "rfind": finding("rfind", fromRight: true),
    "index": finding("index", fromRight: false, mustBeThere: true),
    "count": { renderer, text, arguments in
      let part = try BoundArguments(arguments, ["sub"], of: "count", renderer).requiredString(0)
      return .integer(try text.places(of: part, renderer).count)
    },
  ]

  /// The lines of a text.
  func lines(of text: String, keepsEnds: Bool) throws -> TemplateValue {
    try spend(text.utf8.count * 4)
    var lines: [TemplateValue] = []
    var line = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      let isEnd = [10, 11, 12, 13, 28, 29, 30, 0x85, 0x2028, 0x2029].contains(scalar.value)
      if scalar == "\n", previous == "\r" {
        if keepsEnds, case .string(let last)? = lines.popLast() {
          lines.append(.string(last + "\n"))
        }
      } else if isEnd {
        if keepsEnds { line.append(scalar) }
        lines.append(.string(String(line)))
        line = String.UnicodeScalarView()
      } else {
        line.append(scalar)
      }
      previous = scalar
    }
    if !line.isEmpty { lines.append(.string(String(line))) }
    return try list(lines)
  }
}
