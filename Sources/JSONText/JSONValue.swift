/// A JSON document as it was written: members keep their order, keys are compared byte by byte, and
/// numbers keep their text, so that a file can be read, changed in one place and written back.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number, as its text in the document.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// One key with its value.
  public struct Member: Sendable, Equatable {
    public var key: String
    public var value: JSONValue
    /// Creates a member.
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }
}
