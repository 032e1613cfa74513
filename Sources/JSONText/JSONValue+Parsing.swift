public import Diagnostics
public import Foundation

extension JSONValue {
  /// Reads a document (RFC 8259, strictly, in UTF-8).
  ///
  /// - Throws: `InputError` of code `malformed`, with line and column. Besides what the grammar
  ///   forbids, errors are: nesting beyond 256 levels, a key that occurs twice in one object, and
  ///   an escaped surrogate without its other half.
  public static func parse(_ bytes: some Collection<UInt8>) throws(InputError) -> JSONValue {
    var scanner = JSONScanner(Array(bytes))
    let value = try scanner.readValue()
    try scanner.finish()
    return value
  }

  /// Reads a document from a string.
  ///
  /// - Throws: As `parse(_:)` of bytes.
  public static func parse(_ text: String) throws(InputError) -> JSONValue {
    try parse(text.utf8)
  }

  /// Reads a document from a file of at most `limit` bytes.
  ///
  /// - Throws: As `parse(_:)` of bytes; `InputError` of code `unreadable` if there is no such file.
  public static func parse(
    contentsOf file: URL, limit: Int = 1 << 31
  ) throws(InputError) -> JSONValue {
    let path = file.path(percentEncoded: false)
    return try naming(path) { () throws(InputError) in try parse(readFile(path, limit: limit)) }
  }
}

extension JSONScanner {
  /// Starts before the first value of a file.
  package init(contentsOf file: URL) throws(InputError) {
    self.init(try readFile(file.path(percentEncoded: false)))
  }

  /// Reads the next value, with all that is in it. A key that occurs twice in an object is an
  /// error, since which of its values counts would be anyone's guess.
  package mutating func readValue() throws(InputError) -> JSONValue {
    switch try peek() {
    case .null:
      try readNull()
      return .null
    case .bool:
      return .bool(try readBool())
    case .number:
      return .number(String(decoding: try readNumber(), as: UTF8.self))
    case .string:
      return .string(try readString())
    case .array:
      var elements: [JSONValue] = []
      try beginArray()
      while try nextElement() { elements.append(try readValue()) }
      return .array(elements)
    case .object:
      var members: [JSONValue.Member] = []
      try readMembers { (scanner, key) throws(InputError) in
        members.append(JSONValue.Member(key, try scanner.readValue()))
      }
      return .object(members)
    }
  }

  /// Reads an object: hands over each key, for `body` to read its value. A key that occurs twice is an error.
  package mutating func readMembers(
    _ body: (inout JSONScanner, String) throws(InputError) -> Void
  ) throws(InputError) {
    var keys: Set<[UInt8]> = []
    var key: [UInt8] = []
    try beginObject()
    while try nextKey(into: &key) {
      let text = String(decoding: key, as: UTF8.self)
      guard keys.insert(key).inserted else {
        throw failure("the key \(JSONValue.string(text).text()) occurs twice in one object")
      }
      try body(&self, text)
    }
  }
}
