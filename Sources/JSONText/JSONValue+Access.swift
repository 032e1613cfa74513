extension JSONValue {
  /// Whether this is `null`.
  public var isNull: Bool {
    if case .null = self { true } else { false }
  }

  /// The truth value, or nil for anything else.
  public var boolValue: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The number, if it is an integer that fits `Int`. Spellings such as `12.0` and `1e3` count as
  /// integers as long as a `Double` holds them exactly.
  public var intValue: Int? {
    guard case .number(let text) = self else { return nil }
    if let value = Int(text) { return value }
    guard let value = Double(text), value.magnitude <= 0x1p53 else { return nil }
    return Int(exactly: value)
  }

  /// The number, rounded to the nearest `Double`, or nil if it is beyond the largest one.
  public var doubleValue: Double? {
    guard case .number(let text) = self, let value = Double(text), value.isFinite else {
      return nil
    }
    return value
  }

  /// The string, or nil for anything else.
  public var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The elements of an array, or nil for anything else.
  public var arrayValue: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The members of an object in their order, or nil for anything else.
  public var objectValue: [Member]? {
    if case .object(let members) = self { members } else { nil }
  }

  /// The value of the member with exactly this key, or nil if there is none or this is no object.
  ///
  /// - Complexity: Linear in the number of members.
  public subscript(_ key: String) -> JSONValue? {
    objectValue?.first { $0.key.hasSameBytes(as: key) }?.value
  }

  /// Replaces the value of the member with this key where it stands, or appends a new member.
  ///
  /// - Precondition: This is an object.
  public mutating func set(_ key: String, _ value: JSONValue) {
    guard case .object(var members) = self else {
      preconditionFailure("a member can be set in an object only")
    }
    self = .null  // so that the array of members is not shared while it changes
    if let index = members.firstIndex(where: { $0.key.hasSameBytes(as: key) }) {
      members[index].value = value
    } else {
      members.append(Member(key, value))
    }
    self = .object(members)
  }

  /// The same object without the member of this key; any other value as it is.
  public func removing(_ key: String) -> JSONValue {
    guard case .object(let members) = self else { return self }
    return .object(members.filter { !$0.key.hasSameBytes(as: key) })
  }
}
