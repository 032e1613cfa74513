import Diagnostics
import Foundation

/// `'%s' % value` and `'{}'.format(value)`.
extension TemplateRenderer {
  /// The text with its `%` fields filled in.
  func formatted(_ text: String, by value: TemplateValue) throws -> TemplateValue {
    var values = [value]
    if case .list(let list) = value, list.kind == .tuple { values = list.elements }
    var rest = values[...]
    var result = ""
    var scalars = text.unicodeScalars[...]
    try spend(text.utf8.count)
    while let scalar = scalars.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      var digits: Int?
      if scalars.first == "." {
        scalars.removeFirst()
        let text = String(scalars.prefix(while: \.isTemplateDigit))
        scalars = scalars.dropFirst(text.count)
        guard let count = text.isEmpty ? 0 : Int(text), count <= 100 else {
          throw failure("format: expected at most 100 digits")
        }
        digits = count
      }
      guard let conversion = scalars.popFirst() else {
        throw failure("format: a % at the end of the text")
      }
      if conversion == "%" {
        result += "%"
        continue
      }
      guard let value = rest.popFirst() else {
        throw failure("format: found \(counted(values.count, "value")) for more fields")
      }
      try append(field(value, conversion, digits), to: &result)
    }
    let isMapping = if case .mapping = value { true } else { false }
    guard rest.isEmpty || isMapping else {
      throw failure("format: \(counted(rest.count, "value")) too many for the text's fields")
    }
    return try string(result)
  }

  private func field(
    _ value: TemplateValue, _ conversion: Unicode.Scalar, _ digits: Int?
  ) throws -> String {
    switch conversion {
    case "s":
      let text = try text(of: value)
      return digits.map { String(text.unicodeScalars.prefix($0)) } ?? text
    case "r": return try representation(of: value)
    case "d", "i":
      if let integer = value.integerValue { return String(integer) }
      if let number = value.doubleValue, let integer = Int(exactly: number.rounded(.towardZero)) {
        return String(integer)
      }
    case "f":
      if let number = value.doubleValue { return String(format: "%.\(digits ?? 6)f", number) }
    case "x":
      if let integer = value.integerValue { return String(integer, radix: 16) }
    default:
      throw failure(
        "format: %\(conversion) is not supported; expected %s, %r, %d, %f, %x or %%", .unsupported)
    }
    throw failure("format: %\(conversion) takes a number; found \(value.typeName)")
  }

  /// The text with its fields in braces filled in: `{}`, `{0}` and `{name}`.
  func formatted(_ text: String, byFields arguments: CallArguments) throws -> TemplateValue {
    try spend(text.utf8.count)
    var result = ""
    var next = 0
    var scalars = text.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      if scalar == "{" || scalar == "}", scalars.first == scalar {
        scalars.removeFirst()
        result.unicodeScalars.append(scalar)
      } else if scalar == "{" {
        let name = String(scalars.prefix { $0 != "}" })
        scalars = scalars.dropFirst(name.unicodeScalars.count)
        guard scalars.popFirst() == "}" else { throw failure("format: a '{' without '}'") }
        var value: TemplateValue?
        if name.isEmpty || Int(name) != nil {
          let place = Int(name) ?? next
          next += name.isEmpty ? 1 : 0
          value = arguments.positional.indices.contains(place) ? arguments.positional[place] : nil
        } else {
          try spend(arguments.named.count)
          value = arguments.named.first { $0.name == name }?.value
        }
        guard let value else {
          throw failure(
            "format: there is no value for {\(visible(name))}; expected {}, {0} or {name}")
        }
        try append(self.text(of: value), to: &result)
      } else if scalar == "}" {
        throw failure("format: a '}' without '{'")
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return try string(result)
  }
}
