import Diagnostics

/// What stands between the ends of a tag.
extension TemplateLexer {
  private static let symbols = ["//", "**", "==", "!=", "<=", ">="]
  /// Most characters of a name or a number, which take time wherever they are looked for or printed.
  private static let wordLimit = 4096
  private static let brackets: [Unicode.Scalar: Unicode.Scalar] = ["(": ")", "[": "]", "{": "}"]

  /// Reads tokens up to the end of the tag, and the end.
  mutating func readExpression(isBlock: Bool) throws {
    let start = position
    let ending = isBlock ? "%}" : "}}"
    var open: [Unicode.Scalar] = []
    while position < scalars.count {
      let scalar = scalars[position]
      if open.isEmpty {
        let isSigned = scalar == "-" || scalar == "+" && isBlock
        if has(ending, at: position + (isSigned ? 1 : 0)) {
          position += isSigned ? 3 : 2
          add(isBlock ? .blockEnd : .outputEnd)
          if isBlock || scalar == "-" { skipAfterTag(isSigned ? scalar : nil) }
          return
        }
      }
      if scalar.isTemplateSpace {
        position += 1
      } else if scalar.isNamePart {
        try readWord(scalar)
      } else if scalar == "'" || scalar == "\"" {
        try readString(scalar)
      } else {
        try readSymbol(scalar, &open)
      }
    }
    throw failure(at: start, "the tag has no end; expected '\(ending)'")
  }

  /// Reads a name or a number.
  private mutating func readWord(_ scalar: Unicode.Scalar) throws {
    let start = position
    if scalar.isTemplateDigit {
      try readNumber()
    } else {
      while position < scalars.count, scalars[position].isNamePart { position += 1 }
      add(.name(text(start..<position)))
    }
    guard position - start <= Self.wordLimit else {
      throw failure(
        at: start,
        "found a name or a number of \(position - start) characters, expected at most \(Self.wordLimit)",
        .unsupported)
    }
  }

  private mutating func readSymbol(
    _ scalar: Unicode.Scalar, _ open: inout [Unicode.Scalar]
  ) throws {
    let long = Self.symbols.first { has($0, at: position) }
    guard
      let symbol = long
        ?? ("+-/*%~[](){}=<>.:|,".unicodeScalars.contains(scalar)
          ? String(scalar) : nil)
    else {
      throw failure(
        at: position, "\(quoted(String(scalar))) has no meaning here; expected an expression")
    }
    if let closing = Self.brackets[scalar] {
      open.append(closing)
    } else if scalar == ")" || scalar == "]" || scalar == "}" {
      let expected = open.popLast()
      guard scalar == expected else {
        throw failure(
          at: position,
          "found '\(scalar)', expected " + (expected.map { "'\($0)'" } ?? "an expression"))
      }
    }
    position += symbol.unicodeScalars.count
    add(.symbol(symbol))
  }

  // MARK: Numbers

  private mutating func readNumber() throws {
    let start = position
    if scalars[position] == "0", let radix = radix(scalar(at: position + 1)) {
      position += 2
      let digits = readDigits { $0.properties.isASCIIHexDigit }
      guard let value = Int(digits, radix: radix) else {
        throw failure(at: start, "expected a whole number of at most 64 bits in base \(radix)")
      }
      return add(.integer(value))
    }
    var number = readDigits(\.isTemplateDigit)
    // After a point, as in x.0.1, there are no fractions.
    let mayBeFraction = tokens.last?.kind != .symbol(".")
    var isFloat = false
    if mayBeFraction, scalar(at: position) == ".", scalar(at: position + 1)?.isTemplateDigit == true
    {
      position += 1
      number += "." + readDigits(\.isTemplateDigit)
      isFloat = true
    }
    if mayBeFraction, scalar(at: position) == "e" || scalar(at: position) == "E" {
      let sign = scalar(at: position + 1)
      let isSigned = sign == "+" || sign == "-"
      if scalar(at: position + (isSigned ? 2 : 1))?.isTemplateDigit == true {
        position += isSigned ? 2 : 1
        number += "e" + (sign == "-" ? "-" : "") + readDigits(\.isTemplateDigit)
        isFloat = true
      }
    }
    if isFloat, let value = Double(number) { return add(.float(value)) }
    if number.hasPrefix("0"), number.contains(where: { $0 != "0" }) {
      throw failure(at: start, "a whole number begins with 0")
    }
    add(Int(number).map { .integer($0) } ?? .wideInteger(number))
  }

  private func radix(_ letter: Unicode.Scalar?) -> Int? {
    switch letter {
    case "x", "X": 16
    case "o", "O": 8
    case "b", "B": 2
    default: nil
    }
  }

  private mutating func readDigits(_ isDigit: (Unicode.Scalar) -> Bool) -> String {
    var digits = ""
    while let scalar = scalar(at: position) {
      if isDigit(scalar) {
        digits.unicodeScalars.append(scalar)
      } else if scalar != "_" || self.scalar(at: position + 1).map(isDigit) != true {
        break
      }
      position += 1
    }
    return digits
  }

  // MARK: Strings

  private mutating func readString(_ quote: Unicode.Scalar) throws {
    let start = position
    position += 1
    var text = String.UnicodeScalarView()
    while let scalar = scalar(at: position) {
      position += 1
      if scalar == quote { return add(.string(String(text))) }
      if scalar == "\\" { try readEscape(into: &text) } else { text.append(scalar) }
    }
    throw failure(at: start, "the string has no end; expected \(quote)")
  }

  /// Reads what follows a backslash, by Python's rules: what means nothing there keeps its backslash.
  private mutating func readEscape(into text: inout String.UnicodeScalarView) throws {
    guard let scalar = scalar(at: position) else { return }
    position += 1
    switch scalar {
    case "\n": break
    case "\\", "'", "\"": text.append(scalar)
    case "n": text.append("\n")
    case "t": text.append("\t")
    case "r": text.append("\r")
    case "a": text.append("\u{7}")
    case "b": text.append("\u{8}")
    case "f": text.append("\u{C}")
    case "v": text.append("\u{B}")
    case "x": try text.append(readCode(digitCount: 2))
    case "u": try text.append(readCode(digitCount: 4))
    case "U": try text.append(readCode(digitCount: 8))
    case "0"..."7":
      var code = scalar.value - 48
      for _ in 0..<2 {
        guard let digit = self.scalar(at: position), ("0"..."7").contains(digit) else { break }
        code = code * 8 + digit.value - 48
        position += 1
      }
      if let scalar = Unicode.Scalar(code) { text.append(scalar) }
    default:
      text.append("\\")
      text.append(scalar)
    }
  }

  private mutating func readCode(digitCount: Int) throws -> Unicode.Scalar {
    let end = min(position + digitCount, scalars.count)
    let digits = text(position..<end)
    guard digits.utf8.count == digitCount, !digits.hasPrefix("+"),
      let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init)
    else {
      throw failure(
        at: position, "expected \(digitCount) hexadecimal digits of a character's number")
    }
    position = end
    return scalar
  }
}
