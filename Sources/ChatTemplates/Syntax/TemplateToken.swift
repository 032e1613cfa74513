import Diagnostics

/// A piece of a template's source.
struct TemplateToken {
  enum Kind: Equatable {
    /// What stands outside of all tags.
    case text(String)
    case blockBegin, blockEnd, outputBegin, outputEnd
    case name(String)
    case string(String)
    case integer(Int)
    /// A whole number beyond 64 bits, as it is written.
    case wideInteger(String)
    case float(Double)
    case symbol(String)
    case end
  }

  var kind: Kind
  /// From 1.
  var line: Int

  /// The token as messages name it.
  var name: String {
    switch kind {
    case .text: "text"
    case .blockBegin: "'{%'"
    case .blockEnd: "'%}'"
    case .outputBegin: "'{{'"
    case .outputEnd: "'}}'"
    case .name(let name): quoted(name)
    case .string: "a string"
    case .integer, .wideInteger, .float: "a number"
    case .symbol(let symbol): quoted(symbol)
    case .end: "the end of the template"
    }
  }
}

extension InputError {
  /// An error at a line of a template.
  static func template(
    _ code: InputError.Code, line: Int, _ message: String
  ) -> InputError {
    InputError(code, place: "line \(line)", message)
  }
}

extension Unicode.Scalar {
  /// Whether Python's `str.isspace` says so, which is what templates strip and split at.
  var isTemplateSpace: Bool {
    switch value {
    case 9...13, 28...32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
      0x3000:
      true
    default: false
    }
  }

  var isTemplateDigit: Bool { ("0"..."9").contains(self) }

  /// Whether a name of a template may have it.
  var isNamePart: Bool { self == "_" || properties.isAlphabetic || properties.numericType != nil }
}
