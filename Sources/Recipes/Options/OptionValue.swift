public import Calibration
public import JSONText
public import Recordings

/// What an option can be set to: a number, a truth value, or one of some words.
public protocol OptionValue: Sendable, Equatable {
  /// The value that a JSON number, truth value or text is; nil if it is none.
  init?(scalar: JSONValue)
  /// The value as JSON.
  var scalar: JSONValue { get }
  /// The words that it can be; none where it is a number or truth value.
  static var words: [String] { get }
}

extension OptionValue {
  /// None.
  public static var words: [String] { [] }

  /// The value as messages and fingerprints have it.
  package var text: String { scalar.stringValue ?? scalar.text() }

  func isEqual(to other: any OptionValue) -> Bool { other as? Self == self }
}

extension Bool: OptionValue {
  /// A JSON truth value.
  public init?(scalar: JSONValue) {
    guard case .bool(let value) = scalar else { return nil }
    self = value
  }
  /// The truth value.
  public var scalar: JSONValue { .bool(self) }
}

extension Int: OptionValue {
  /// A whole JSON number that fits.
  public init?(scalar: JSONValue) {
    guard case .number(let text) = scalar else { return nil }
    self.init(text)
  }
  /// The number.
  public var scalar: JSONValue { JSONValue(self) }
}

extension Double: OptionValue {
  /// A JSON number.
  public init?(scalar: JSONValue) {
    guard case .number(let text) = scalar else { return nil }
    self.init(text)
  }
  /// The number; its name where JSON cannot spell it.
  public var scalar: JSONValue { isFinite ? JSONValue(self) : .string("\(self)") }
}

extension String: OptionValue {
  /// A JSON string.
  public init?(scalar: JSONValue) {
    guard case .string(let text) = scalar else { return nil }
    self = text
  }
  /// The string.
  public var scalar: JSONValue { .string(self) }
}

extension OptionValue where Self: CaseIterable & RawRepresentable<String> {
  /// The words of all values.
  public static var words: [String] { allCases.map(\.rawValue) }

  /// The value with this word.
  public init?(scalar: JSONValue) {
    guard case .string(let text) = scalar else { return nil }
    self.init(rawValue: text)
  }
  /// The value's word.
  public var scalar: JSONValue { .string(rawValue) }
}

extension GradientPrecision: OptionValue {}
extension HeadTreatment: OptionValue {}
extension LossMask: OptionValue {}
extension ShortSamples: OptionValue {}
extension TuningAlgorithm: OptionValue {}
