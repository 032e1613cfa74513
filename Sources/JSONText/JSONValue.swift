/// A JSON document as it was written: members keep their order, keys are compared byte by byte, and
/// numbers keep their text, so that a file can be read, changed in one place and written back.
///
/// Two values are equal if they have the same members in the same order, and the same text for
/// every number: `1.0` is not `1`. Strings and keys are compared by their UTF-8 form; Swift's own
/// comparison of strings would take `"e\u{301}"` for `"\u{e9}"`.
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number, as its text in the document.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// One key with its value.
  public struct Member: Sendable {
    /// The key, unescaped.
    public var key: String
    /// The value.
    public var value: JSONValue
    /// Creates a member.
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }
}

extension JSONValue: Equatable {
  /// Whether both have the same numbers and strings, byte by byte, and their members in the same order.
  public static func == (a: JSONValue, b: JSONValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.number(let a), .number(let b)): a.hasSameBytes(as: b)
    case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    default: false
    }
  }
}

extension JSONValue.Member: Equatable {
  /// Whether key and value are equal.
  public static func == (a: Self, b: Self) -> Bool {
    a.key.hasSameBytes(as: b.key) && a.value == b.value
  }
}

extension String {
  /// Whether both strings have the same UTF-8 form; `==` asks for canonical equivalence only.
  package func hasSameBytes(as other: String) -> Bool {
    utf8.elementsEqual(other.utf8)
  }
}
