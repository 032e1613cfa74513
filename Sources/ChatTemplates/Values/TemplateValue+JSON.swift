import JSONText

/// JSON as transformers writes it in templates: without escapes for HTML or for letters beyond ASCII.
extension TemplateRenderer {
  struct JSONLayout {
    /// What a level is indented by; nil for everything on one line.
    var indentation: String?
    var itemSeparator = ", "
    var keySeparator = ": "
    var escapesNonASCII = false
    var sortsKeys = false
  }

  func json(_ value: TemplateValue, _ layout: JSONLayout) throws -> String {
    var text = ""
    try write(value, layout, 0, to: &text)
    return text
  }

  private func write(
    _ value: TemplateValue, _ layout: JSONLayout, _ level: Int, to text: inout String
  ) throws {
    try spend()
    switch value {
    case .none: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .float(let number) where !number.isFinite:
      text += number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
    case .integer, .wideInteger, .float: try append(value.number ?? "", to: &text)
    case .string(let string): try write(string, layout, to: &text)
    case .list(let list) where list.kind == .list || list.kind == .tuple:
      try write(list.elements.count, layout, level, "[", "]", to: &text) { index, text in
        try write(list.elements[index], layout, level + 1, to: &text)
      }
    case .mapping(let mapping):
      var order = Array(mapping.keys.indices)
      let names = try mapping.keys.map { try jsonKey($0) }
      if layout.sortsKeys { try order.sort { try isLess(.string(names[$0]), .string(names[$1])) } }
      try write(mapping.count, layout, level, "{", "}", to: &text) { index, text in
        try write(names[order[index]], layout, to: &text)
        try append(layout.keySeparator, to: &text)
        try write(mapping.values[order[index]], layout, level + 1, to: &text)
      }
    default:
      throw failure("tojson: \(value.typeName) cannot be written as JSON")
    }
  }

  private func jsonKey(_ key: TemplateValue) throws -> String {
    switch key {
    case .none: "null"
    case .bool(let value): value ? "true" : "false"
    default: try text(of: key)
    }
  }

  private func write(
    _ count: Int, _ layout: JSONLayout, _ level: Int, _ opening: String, _ closing: String,
    to text: inout String, _ element: (Int, inout String) throws -> Void
  ) throws {
    text += opening
    for index in 0..<count {
      if index > 0 { try append(layout.itemSeparator, to: &text) }
      try breakLine(layout, level + 1, &text)
      try element(index, &text)
    }
    if count > 0 { try breakLine(layout, level, &text) }
    text += closing
  }

  private func breakLine(_ layout: JSONLayout, _ level: Int, _ text: inout String) throws {
    guard let indentation = layout.indentation else { return }
    try spend(level * indentation.utf8.count)
    text += "\n" + String(repeating: indentation, count: level)
  }

  private func write(_ string: String, _ layout: JSONLayout, to text: inout String) throws {
    try spend(string.utf8.count)
    let json = JSONValue.string(string).text()
    guard layout.escapesNonASCII else {
      text += json
      return
    }
    for scalar in json.unicodeScalars {
      guard scalar.value > 0x7E else {
        text.unicodeScalars.append(scalar)
        continue
      }
      for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
        let digits = String(unit, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
  }
}
