import Diagnostics
import JSONText

/// An option's key in a recipe.
struct RecipeKey<Value: OptionValue>: Sendable {
  var name: String
  /// Whether the default is not written: other programs do not know the key.
  var omitsDefault: Bool
  private var expectation: String?
  private var read: @Sendable (JSONValue) -> Value?
  private var write: @Sendable (Value) -> JSONValue

  /// A key whose value is the option's.
  init(_ name: String, omitsDefault: Bool = false) {
    self.name = name
    self.omitsDefault = omitsDefault
    read = { Value(scalar: $0) }
    write = \.scalar
  }

  /// A key that is true for one of an option's two values.
  init(_ name: String, true trueValue: Value, false falseValue: Value) {
    self.name = name
    omitsDefault = true
    expectation = OptionRange<Bool>.any.expectation
    read = { Bool(scalar: $0).map { $0 ? trueValue : falseValue } }
    write = { .bool($0 == trueValue) }
  }

  /// - Throws: An error at the node if its value has no meaning.
  func value(_ node: RecipeNode, in range: OptionRange<Value>) throws(InputError) -> Value {
    guard let value = read(node.json), range.contains(value) else {
      throw node.mismatch(name, expected: expectation ?? range.expectation)
    }
    return value
  }

  func json(_ value: Value) -> JSONValue.Member { JSONValue.Member(name, write(value)) }
}
