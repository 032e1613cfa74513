/// How values are printed, which is as Python prints them.
extension TemplateRenderer {
  /// A value as `{{ }}` prints it.
  func text(of value: TemplateValue) throws -> String {
    switch value {
    case .undefined: ""
    case .string(let text): text
    default: try representation(of: value)
    }
  }

  /// A value as it is printed within others.
  func representation(of value: TemplateValue) throws -> String {
    var text = ""
    try represent(value, in: &text)
    return text
  }

  private func represent(_ value: TemplateValue, in text: inout String) throws {
    try spend()
    switch value {
    case .undefined: text += "Undefined"
    case .none: text += "None"
    case .bool(let value): text += value ? "True" : "False"
    case .integer, .wideInteger, .float: try append(value.number ?? "", to: &text)
    case .string(let string):
      try spend(string.utf8.count)
      text += string.pythonRepresentation
    case .list(let list):
      let (opening, closing) =
        switch list.kind {
        case .list: ("[", "]")
        case .tuple: ("(", list.elements.count == 1 ? ",)" : ")")
        case .iterator: ("<generator [", "]>")
        case .view(let name): ("\(name)([", "])")
        }
      text += opening
      for (index, element) in list.elements.enumerated() {
        if index > 0 { text += ", " }
        try represent(element, in: &text)
      }
      text += closing
    case .mapping(let mapping):
      text += "{"
      for (index, key) in mapping.keys.enumerated() {
        if index > 0 { text += ", " }
        try represent(key, in: &text)
        text += ": "
        try represent(mapping.values[index], in: &text)
      }
      text += "}"
    case .namespace: text += "<Namespace>"
    case .macro(let macro): try append("<Macro '\(macro.definition.name)'>", to: &text)
    case .function(let function): text += "<function \(function.name)>"
    case .loop(let loop): text += "<LoopContext \(loop.index + 1)/\(loop.elements.count)>"
    }
  }
}

extension TemplateValue {
  /// A number as Python writes it; nil for other values.
  var number: String? {
    switch self {
    case .integer(let value): String(value)
    case .wideInteger(let text): text
    case .float(let value): Self.text(value)
    default: nil
    }
  }

  /// The shortest digits that give the number back; with an exponent below 0.0001 and from 10^16.
  private static func text(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    let sign = value.sign == .minus ? "-" : ""
    guard value != 0 else { return sign + "0.0" }
    // Digits and exponent, in whichever form Swift writes them.
    let parts = value.magnitude.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".")
    var digits = mantissa.joined()
    var exponent = mantissa[0].count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    let leading = digits.prefix { $0 == "0" }.count
    digits.removeFirst(leading)
    exponent -= leading
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    if exponent < -4 || exponent >= 16 {
      let rest = digits.dropFirst()
      let power = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
      return sign + "\(digits.prefix(1))\(rest.isEmpty ? "" : ".\(rest)")e"
        + (exponent < 0 ? "-" : "+") + power
    }
    if exponent < 0 {
      return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits
    }
    if digits.count <= exponent + 1 {
      return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
    }
    return sign + "\(digits.prefix(exponent + 1)).\(digits.dropFirst(exponent + 1))"
  }
}

extension String {
  /// The string in quotes, as Python writes it in lists.
  var pythonRepresentation: String {
    let usesDouble = utf8.contains(UInt8(ascii: "'")) && !utf8.contains(UInt8(ascii: "\""))
    let quote: Unicode.Scalar = usesDouble ? "\"" : "'"
    var text = String.UnicodeScalarView()
    text.append(quote)
    for scalar in unicodeScalars {
      switch scalar {
      case "\\", quote:
        text.append("\\")
        text.append(scalar)
      case "\n": text.append(contentsOf: "\\n".unicodeScalars)
      case "\r": text.append(contentsOf: "\\r".unicodeScalars)
      case "\t": text.append(contentsOf: "\\t".unicodeScalars)
      case " "..."~": text.append(scalar)
      default:
        if scalar.isPrintable {
          text.append(scalar)
        } else {
          let (letter, count) =
            scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
          let digits = String(scalar.value, radix: 16)
          let zeros = String(repeating: "0", count: count - digits.count)
          text.append(contentsOf: "\\\(letter)\(zeros)\(digits)".unicodeScalars)
        }
      }
    }
    text.append(quote)
    return String(text)
  }
}

extension Unicode.Scalar {
  fileprivate var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      false
    default: true
    }
  }
}
