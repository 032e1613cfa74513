/// The values of an option that have a meaning.
package struct OptionRange<Value: Sendable>: Sendable {
  /// What is expected, for messages: `a number above 0`.
  package let expectation: String
  package let contains: @Sendable (Value) -> Bool
}

extension OptionRange<Int> {
  static func from(_ range: ClosedRange<Int>) -> Self {
    Self(expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)") {
      range.contains($0)
    }
  }
}

extension OptionRange<Int> {
  /// Sizes of groups, and -1 for whole rows.
  static let groupSizes: Self = {
    let sizes = from(1...1 << 31)
    return Self(expectation: "\(sizes.expectation), or -1 for whole rows") {
      $0 == -1 || sizes.contains($0)
    }
  }()
}

extension OptionRange<Double> {
  static func from(_ range: Range<Double>) -> Self {
    Self(expectation: "a number from \(range.lowerBound) up to \(range.upperBound)") {
      range.contains($0)
    }
  }

  static var positive: Self {
    Self(expectation: "a number above 0") { $0.isFinite && $0 > 0 }
  }
}

extension OptionRange<Bool> {
  static var any: Self { Self(expectation: "true or false") { _ in true } }
}

extension OptionRange<String> {
  static var name: Self { Self(expectation: "a name") { !$0.isEmpty } }
}

extension OptionRange where Value: OptionValue {
  /// Any of the words that the option can be.
  static var words: Self {
    Self(expectation: Value.words.joined(separator: " or ")) { _ in true }
  }
}
