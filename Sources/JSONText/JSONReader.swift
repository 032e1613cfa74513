package import Diagnostics

/// A value in a configuration together with the path that leads to it, so that an error about the
/// value says where it stands and what was expected there.
///
/// ```swift
/// let root = JSONReader(try JSONValue.parse(contentsOf: file))
/// let width = try root.required("hidden_size").int(in: 1...1 << 20)
/// let factor = try root.optional("rope_scaling")?.required("factor").double()
/// ```
///
/// Errors are `InputError`s of code `missing` (no such key) or `invalidValue` (wrong type or
/// range), with the key path as their place. They do not name the file.
package struct JSONReader: Sendable {
  /// The value itself.
  package let value: JSONValue
  /// Keys joined by `.` and indices in brackets, such as `rope_scaling.factor`; empty at the root.
  package let path: String

  /// Starts at a value, by default the whole document.
  package init(_ value: JSONValue, path: String = "") {
    self.value = value
    self.path = path
  }

  /// The member with this key; an error if it is missing. It may be null.
  package func required(_ key: String) throws(InputError) -> JSONReader {
    guard let reader = try member(key) else {
      throw InputError(.missing, place: subpath(key), "is missing")
    }
    return reader
  }

  /// The member with this key, or nil if it is missing or null.
  package func optional(_ key: String) throws(InputError) -> JSONReader? {
    guard let reader = try member(key), !reader.value.isNull else { return nil }
    return reader
  }

  /// All members of an object, in their order.
  package func members() throws(InputError) -> [(key: String, reader: JSONReader)] {
    guard let members = value.objectValue else { throw mismatch("an object") }
    return members.map { ($0.key, JSONReader($0.value, path: subpath($0.key))) }
  }

  /// All elements of an array.
  package func elements() throws(InputError) -> [JSONReader] {
    guard let elements = value.arrayValue else { throw mismatch("an array") }
    return elements.enumerated().map { JSONReader($0.element, path: "\(path)[\($0.offset)]") }
  }

  /// The value as an integer.
  package func int() throws(InputError) -> Int {
    guard let int = value.intValue else { throw mismatch("an integer") }
    return int
  }

  /// The value as an integer within `range`.
  package func int(in range: ClosedRange<Int>) throws(InputError) -> Int {
    guard let int = value.intValue, range.contains(int) else {
      throw mismatch("an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return int
  }

  /// The value as a finite number.
  package func double() throws(InputError) -> Double {
    guard let double = value.doubleValue else { throw mismatch("a number") }
    return double
  }

  /// The value as a string.
  package func string() throws(InputError) -> String {
    guard let string = value.stringValue else { throw mismatch("a string") }
    return string
  }

  /// The value as `true` or `false`.
  package func bool() throws(InputError) -> Bool {
    guard let bool = value.boolValue else { throw mismatch("true or false") }
    return bool
  }

  /// An error about this value: `found …, expected …`, for readers with rules of their own.
  package func mismatch(_ expected: String) -> InputError {
    InputError(
      .invalidValue, place: path.isEmpty ? nil : path, "found \(found), expected \(expected)")
  }

  private func member(_ key: String) throws(InputError) -> JSONReader? {
    guard value.objectValue != nil else { throw mismatch("an object") }
    return value[key].map { JSONReader($0, path: subpath(key)) }
  }

  private func subpath(_ key: String) -> String {
    path.isEmpty ? key : "\(path).\(key)"
  }

  /// The value in short: scalars as they are written, up to a length; containers by their size.
  private var found: String {
    switch value {
    case .array(let elements): return "an array of \(elements.count)"
    case .object(let members): return "an object of \(members.count)"
    case .null, .bool, .number, .string:
      let text = value.text()
      return text.unicodeScalars.count <= 60
        ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(60))) + "…"
    }
  }
}
