package import Diagnostics

/// Reads a JSON document (RFC 8259) from front to back, value by value, without building a tree.
///
/// For documents with hundreds of thousands of entries, whose reader knows what it looks for:
///
/// ```swift
/// try scanner.beginObject()
/// while try scanner.nextKey(into: &key) {   // bytes, since keys may be canonically equivalent
///   let id = try scanner.readInteger()
/// }
/// try scanner.finish()
/// ```
///
/// The grammar is followed strictly: no comments, no trailing commas, no byte order mark, strings
/// in valid UTF-8, escaped surrogates only in pairs, at most ``depthLimit`` levels. Every error is
/// an `InputError` of code `malformed` that names line and column. After an error the scanner must
/// not be used any more. Duplicate keys are the caller's to judge.
package struct JSONScanner {
  /// The deepest nesting of arrays and objects that is read.
  package static let depthLimit = 256

  /// What kind of value comes next.
  package enum Kind: Sendable {
    case null, bool, number, string, array, object
  }

  let bytes: [UInt8]
  var position = 0
  private var depth = 0
  /// Whether the array or object that was begun last has given nothing yet.
  private var isAtFirst = false

  /// Starts before the first value of `bytes`.
  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The size of the whole document.
  package var byteCount: Int { bytes.count }

  // MARK: Values

  /// The kind of the next value, judged by its first byte, without reading it.
  package mutating func peek() throws(InputError) -> Kind {
    switch nextByte() ?? 0 {
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "{"): return .object
    default: throw failure(expected: "a value")
    }
  }

  /// Reads `null`.
  package mutating func readNull() throws(InputError) {
    try readWord("null")
  }

  /// Reads `true` or `false`.
  package mutating func readBool() throws(InputError) -> Bool {
    let value = nextByte() == UInt8(ascii: "t")
    try readWord(value ? "true" : "false")
    return value
  }

  /// Reads a number and returns its text.
  package mutating func readNumber() throws(InputError) -> ArraySlice<UInt8> {
    skipWhitespace()
    let start = position
    skip(UInt8(ascii: "-"))
    if !skip(UInt8(ascii: "0")) { try skipDigits() }
    if let byte = byteAtPosition, isDigit(byte) {
      throw failure("a number must not begin with 0")
    }
    if skip(UInt8(ascii: ".")) { try skipDigits() }
    if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
      if !skip(UInt8(ascii: "+")) { skip(UInt8(ascii: "-")) }
      try skipDigits()
    }
    return bytes[start..<position]
  }

  /// Reads a number without fraction or exponent that fits `Int`.
  package mutating func readInteger() throws(InputError) -> Int {
    skipWhitespace()
    let start = position
    let text = try readNumber()
    guard let value = Int(String(decoding: text, as: UTF8.self)) else {
      position = start
      throw failure(expected: "an integer that fits 64 bits")
    }
    return value
  }

  /// Reads the `[` of an array; read its elements with ``nextElement()``.
  package mutating func beginArray() throws(InputError) {
    try begin(UInt8(ascii: "["), "an array")
  }

  /// Whether another element follows in the array, which is then to be read; false is given once,
  /// at its end.
  package mutating func nextElement() throws(InputError) -> Bool {
    try next(closing: UInt8(ascii: "]"), "',' or ']'")
  }

  /// Reads the `{` of an object; read its members with ``nextKey(into:)``.
  package mutating func beginObject() throws(InputError) {
    try begin(UInt8(ascii: "{"), "an object")
  }

  /// Reads the next key of the object in place of what is in `key`, and the colon; false is given
  /// once, at the object's end.
  package mutating func nextKey(into key: inout [UInt8]) throws(InputError) -> Bool {
    guard try next(closing: UInt8(ascii: "}"), "',' or '}'") else { return false }
    guard nextByte() == UInt8(ascii: "\"") else { throw failure(expected: "a key in quotes") }
    key.removeAll(keepingCapacity: true)
    try readString(appendingTo: &key)
    guard nextByte() == UInt8(ascii: ":") else { throw failure(expected: "':'") }
    position += 1
    return true
  }

  /// Reads the next value, of whatever kind, and drops it. It is checked all the same.
  package mutating func skipValue() throws(InputError) {
    var scratch: [UInt8] = []
    try skipValue(&scratch)
  }

  private mutating func skipValue(_ scratch: inout [UInt8]) throws(InputError) {
    switch try peek() {
    case .null: try readNull()
    case .bool: _ = try readBool()
    case .number: _ = try readNumber()
    case .string:
      scratch.removeAll(keepingCapacity: true)
      try readString(appendingTo: &scratch)
    case .array:
      try beginArray()
      while try nextElement() { try skipValue(&scratch) }
    case .object:
      try beginObject()
      while try nextKey(into: &scratch) { try skipValue(&scratch) }
    }
  }

  /// Checks that nothing but white space follows the document.
  package mutating func finish() throws(InputError) {
    if nextByte() != nil { throw failure(expected: "the end of the document") }
  }

  // MARK: Tokens

  private mutating func begin(_ byte: UInt8, _ name: String) throws(InputError) {
    guard nextByte() == byte else { throw failure(expected: name) }
    guard depth < Self.depthLimit else {
      throw failure("nested deeper than \(Self.depthLimit) levels")
    }
    position += 1
    depth += 1
    isAtFirst = true
  }

  private mutating func next(
    closing: UInt8, _ expected: String
  ) throws(InputError) -> Bool {
    let byte = nextByte()
    if byte == closing {
      position += 1
      depth -= 1
      isAtFirst = false
      return false
    }
    if isAtFirst {
      isAtFirst = false
      if byte == nil { throw failure(expected: expected) }
      return true
    }
    guard byte == UInt8(ascii: ",") else { throw failure(expected: expected) }
    position += 1
    if nextByte() == closing { throw failure("a comma before the closing bracket") }
    return true
  }

  private mutating func readWord(_ word: StaticString) throws(InputError) {
    skipWhitespace()
    let start = position
    for index in 0..<word.utf8CodeUnitCount {
      guard byteAtPosition == word.utf8Start[index] else {
        position = start
        throw failure(expected: "a value (\(word))")
      }
      position += 1
    }
  }

  private mutating func skipDigits() throws(InputError) {
    let start = position
    while let byte = byteAtPosition, isDigit(byte) { position += 1 }
    if position == start { throw failure(expected: "a digit") }
  }

  @discardableResult
  private mutating func skip(_ byte: UInt8) -> Bool {
    guard byteAtPosition == byte else { return false }
    position += 1
    return true
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  var byteAtPosition: UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  private mutating func skipWhitespace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// The byte after white space, which is skipped.
  private mutating func nextByte() -> UInt8? {
    skipWhitespace()
    return byteAtPosition
  }
}
