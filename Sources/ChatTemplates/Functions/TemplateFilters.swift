import Diagnostics
import Foundation

/// What can follow `|`.
extension TemplateRenderer {
  func filter(
    _ value: TemplateValue, _ name: String, _ arguments: CallArguments
  ) throws -> TemplateValue {
    try spend()
    guard let filter = Self.filters[name] else {
      throw failure(
        "the filter \(quoted(name)) is unknown" + advice(name, Self.filters.keys.sorted()),
        .unsupported)
    }
    return try filter(self, value, arguments)
  }

  private static let filters: [String: Filter] =
    textFilters.merging(numberFilters) { first, _ in first }
    .merging(listFilters) { first, _ in first }
    .merging(choiceFilters) { first, _ in first }

  /// A filter that is a method of strings; other values are printed first.
  private static func method(_ name: String) -> Filter {
    { renderer, value, arguments in
      guard let method = stringMethods[name] else { return value }
      return try method(renderer, try renderer.text(of: value), arguments)
    }
  }

  private static let textFilters: [String: Filter] = [
    "upper": method("upper"), "lower": method("lower"), "capitalize": method("capitalize"),
    "trim": method("strip"), "replace": method("replace"),
    "title": { renderer, value, _ in
      let text = try renderer.text(of: value)
      try renderer.spend(text.utf8.count * 4)
      return .string(
        text.titled { $0.isTemplateSpace || "-({[<".unicodeScalars.contains($0) })
    },
    "string": { renderer, value, _ in try renderer.string(renderer.text(of: value)) },
    "safe": { renderer, value, _ in try renderer.string(renderer.text(of: value)) },
    "escape": { renderer, value, _ in try renderer.escaped(value) },
    "e": { renderer, value, _ in try renderer.escaped(value) },
    "format": { renderer, value, arguments in
      guard arguments.named.isEmpty else {
        throw renderer.failure("format: expected values without names", .unsupported)
      }
      return try renderer.formatted(
        renderer.text(of: value), by: .list(TemplateList(arguments.positional, .tuple)))
    },
    "indent": { try $0.indented($1, $2) },
    "wordcount": { renderer, value, _ in
      let text = try renderer.text(of: value)
      try renderer.spend(text.utf8.count * 4)
      return .integer(text.words().count)
    },
    "tojson": { renderer, value, arguments in
      let bound = try BoundArguments(
        arguments, ["ensure_ascii", "indent", "separators", "sort_keys"], of: "tojson", renderer)
      var layout = JSONLayout()
      layout.escapesNonASCII = bound.flag(0)
      layout.sortsKeys = bound.flag(3)
      switch bound.value(1) {
      case nil, .none?: break
      case .string(let text)?: layout.indentation = text
      default:
        layout.indentation = try renderer.repeated(" ", try bound.integer(1, otherwise: 0))
      }
      if layout.indentation != nil { layout.itemSeparator = "," }
      if case .list(let list)? = bound.value(2), list.elements.count == 2 {
        layout.itemSeparator = try renderer.text(of: list.elements[0])
        layout.keySeparator = try renderer.text(of: list.elements[1])
      }
      return try renderer.string(renderer.json(value, layout))
    },
  ]

  private func escaped(_ value: TemplateValue) throws -> TemplateValue {
    var text = try text(of: value)
    for (plain, escape) in [
      ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ("\"", "&#34;"),
    ] {
      if case .string(let changed) = try replaced(text, plain, by: escape, -1) { text = changed }
    }
    return .string(text)
  }

  private func indented(_ value: TemplateValue, _ arguments: CallArguments) throws -> TemplateValue
  {
    let bound = try BoundArguments(arguments, ["width", "first", "blank"], of: "indent", self)
    var indentation = ""
    if case .string(let text)? = bound.value(0) {
      indentation = text
    } else {
      indentation = try repeated(" ", try bound.integer(0, otherwise: 4))
    }
    let text = try text(of: value)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    try spend(text.utf8.count)
    try spend(lines.count.multipliedClamped(by: indentation.utf8.count))
    let indented = lines.enumerated().map { index, line in
      let isFirst = index == 0
      guard isFirst ? bound.flag(1) : bound.flag(2) || !line.isEmpty else { return String(line) }
      return indentation + line
    }
    return try string(indented.joined(separator: "\n"))
  }

  // MARK: Numbers

  private static let numberFilters: [String: Filter] = [
    "abs": { renderer, value, _ in
      try renderer.isLess(value, .integer(0)) ? try renderer.negative(of: value) : value
    },
    "int": { renderer, value, arguments in
      let bound = try BoundArguments(arguments, ["default", "base"], of: "int", renderer)
      let base = try bound.integer(1, otherwise: 10)
      if let integer = value.integerValue { return .integer(integer) }
      var number: Double?
      switch value {
      case .float(let value): number = value
      case .wideInteger: return value
      case .string(let text):
        try renderer.spend(text.utf8.count)
        let text = text.stripped(nil)
        if (2...36).contains(base), let integer = Int(text, radix: base) {
          return .integer(integer)
        }
        number = Double(text)
      case .undefined(let message): throw renderer.failure(message)
      default: break
      }
      return number.flatMap { Int(exactly: $0.rounded(.towardZero)) }.map { .integer($0) }
        ?? bound.value(0) ?? .integer(0)
    },
    "float": { renderer, value, arguments in
      let bound = try BoundArguments(arguments, ["default"], of: "float", renderer)
      if let number = value.doubleValue { return .float(number) }
      if case .undefined(let message) = value { throw renderer.failure(message) }
      if case .string(let text) = value {
        try renderer.spend(text.utf8.count)
        if let number = Double(text.stripped(nil)) { return .float(number) }
      }
      return bound.value(0) ?? .float(0)
    },
    "round": { renderer, value, arguments in
      let bound = try BoundArguments(arguments, ["precision", "method"], of: "round", renderer)
      guard let number = value.doubleValue else {
        throw renderer.failure("round: found \(value.typeName), expected a number")
      }
      let digits = try bound.integer(0, otherwise: 0)
      guard (0...15).contains(digits) else {
        throw renderer.failure("round: found \(digits) digits, expected 0 to 15")
      }
      let factor = pow(10, Double(digits))
      let rule: FloatingPointRoundingRule
      switch try bound.string(1) ?? "common" {
      case "common": rule = .toNearestOrEven
      case "ceil": rule = .up
      case "floor": rule = .down
      case let name: throw renderer.failure("round: \(quoted(name)) is no method")
      }
      if rule == .toNearestOrEven {
        // As it is printed, so that 2.675 is what its digits say.
        return .float(Double(String(format: "%.\(digits)f", number)) ?? number)
      }
      return .float((number * factor).rounded(rule) / factor)
    },
  ]
}
