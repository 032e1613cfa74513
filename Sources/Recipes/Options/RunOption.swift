package import Diagnostics
package import JSONText

/// The declaration of an option: all that is said of it anywhere.
///
/// `Value` is what it can be set to, and `Resolved` what a run gets, be it set or not.
public struct RunOption<Value: OptionValue, Resolved: Sendable>: Sendable {
  /// The property and the flag.
  package let name: OptionName
  let range: OptionRange<Value>
  package let help: OptionHelp
  /// What the option is called where two runs are compared; nil if it does not decide the output, or
  /// something else that is compared says it.
  let fingerprint: String?
  let key: RecipeKey<Value>?
  let resolve: @Sendable (Value?, TuningPreset) -> Resolved
  /// What a recipe would set to get what a run got.
  let record: @Sendable (Resolved) -> Value?
}

/// What `--help` says of an option.
package struct OptionHelp: Sendable {
  /// The first line.
  package var summary: String
  package var discussion = ""
  /// The default, unless the option itself gives it.
  var defaultText: String?
  /// The first line of the flag that sets a truth value to false.
  package var oppositeSummary = ""

  init(
    _ summary: String, _ discussion: String = "", default text: String? = nil, opposite: String = ""
  ) {
    self.summary = summary
    self.discussion = discussion
    defaultText = text
    oppositeSummary = opposite
  }
}

extension RunOption where Resolved == Value {
  /// An option with a default, which may be a preset's.
  init(
    _ name: OptionName, key: RecipeKey<Value>? = nil, in range: OptionRange<Value>,
    default fallback: @escaping @Sendable (TuningPreset) -> Value, fingerprint: String? = nil,
    help: OptionHelp
  ) {
    self.init(
      name: name, range: range, help: help, fingerprint: fingerprint, key: key,
      resolve: { $0 ?? fallback($1) }, record: { $0 })
  }
}

extension RunOption where Resolved == Value? {
  /// An option that is decided later where it is not set.
  init(
    _ name: OptionName, key: RecipeKey<Value>? = nil, in range: OptionRange<Value>,
    fingerprint: String? = nil, help: OptionHelp
  ) {
    self.init(
      name: name, range: range, help: help, fingerprint: fingerprint, key: key,
      resolve: { value, _ in value },
      record: { $0 })
  }
}

/// An option whose types are of no concern, for what is done with all of them.
package protocol DeclaredOption<Value>: Sendable {
  associatedtype Value: OptionValue
  var name: OptionName { get }
  var keyName: String? { get }
  var help: OptionHelp { get }
  /// The first line of the help, with the default.
  var summary: String { get }
  /// Sets the option to what a recipe has under its key.
  ///
  /// - Returns: What was expected if the value has no meaning.
  func read(_ value: JSONValue, into values: inout OptionValues) -> String?
  /// The key with what the option is set to; nil if it is not set, has no key, or need not be written.
  func recipeMember(_ values: OptionValues) -> JSONValue.Member?
  /// - Throws: An error that calls the option `name`.
  func check(_ values: OptionValues, as name: String) throws(InputError)
  /// Sets the option to what a run gets.
  func settle(_ values: inout OptionValues, preset: TuningPreset)
  /// The name and value by which runs are compared.
  func fingerprintEntry(_ values: OptionValues) -> (name: String, value: String)?
}

extension RunOption: DeclaredOption {
  package var keyName: String? { key?.name }

  package func read(_ json: JSONValue, into values: inout OptionValues) -> String? {
    guard let key else { return nil }
    guard let value = key.value(json), range.contains(value) else {
      return key.expectation ?? range.expectation
    }
    values[self] = value
    return nil
  }

  package func recipeMember(_ values: OptionValues) -> JSONValue.Member? {
    guard let key, let value = values[self] else { return nil }
    if key.omitsDefault, value == record(resolve(nil, .default)) { return nil }
    return JSONValue.Member(key.name, key.json(value))
  }

  package func check(_ values: OptionValues, as name: String) throws(InputError) {
    guard let value = values[self], !range.contains(value) else { return }
    throw InputError(
      .invalidValue, "\(name) must be \(range.expectation); it is \(value.text)")
  }

  package func settle(_ values: inout OptionValues, preset: TuningPreset) {
    values[self] = record(resolve(values[self], preset))
  }

  package func fingerprintEntry(_ values: OptionValues) -> (name: String, value: String)? {
    guard let fingerprint else { return nil }
    return (fingerprint, values[self]?.text ?? "\(resolve(nil, .default))")
  }

  /// The summary with the default, for `--help`. A flag has none: it is given or not.
  package var summary: String {
    let fallback = help.defaultText ?? record(resolve(nil, .default))?.text
    guard let fallback, Value.self != Bool.self else { return help.summary }
    return help.summary + " (default: \(fallback))"
  }
}
