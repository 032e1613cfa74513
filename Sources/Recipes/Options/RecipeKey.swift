import JSONText

/// An option's key in a recipe.
struct RecipeKey<Value: OptionValue>: Sendable {
  let name: String
  /// Whether the default is not written: other programs do not know the key.
  let omitsDefault: Bool
  /// What is expected, unless the option itself says it.
  let expectation: String?
  /// The value that stands under the key; nil if it has no meaning.
  let value: @Sendable (JSONValue) -> Value?
  let json: @Sendable (Value) -> JSONValue

  /// A key whose value is the option's.
  init(_ name: String, omitsDefault: Bool = false) {
    self.name = name
    self.omitsDefault = omitsDefault
    expectation = nil
    value = { Value(scalar: $0) }
    json = \.scalar
  }

  /// A key that is true for one of an option's two values.
  init(_ name: String, true trueValue: Value, false falseValue: Value) {
    self.name = name
    omitsDefault = true
    expectation = OptionRange<Bool>.any.expectation
    value = { Bool(scalar: $0).map { $0 ? trueValue : falseValue } }
    json = { .bool($0 == trueValue) }
  }
}
