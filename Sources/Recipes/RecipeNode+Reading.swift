import Compute
import Diagnostics

/// Typed reads. `name` is what the value is called in an error: its key.
extension RecipeNode {
  private func mismatch(_ name: String, expected: String) -> InputError {
    InputError(
      .invalidValue, place: mark.description, "\(name): expected \(expected), found \(found)")
  }

  func bool(_ name: String) throws -> Bool {
    guard case .bool(let value) = value else { throw mismatch(name, expected: "true or false") }
    return value
  }

  /// A whole number within `range`.
  func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int {
    guard case .number(let text) = value, let number = Int(text), range.contains(number) else {
      throw mismatch(
        name, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A finite number above zero.
  func positiveNumber(_ name: String) throws -> Double {
    guard case .number(let text) = value, let number = Double(text), number.isFinite, number > 0
    else { throw mismatch(name, expected: "a number above 0") }
    return number
  }

  /// A number within `range`.
  func number(_ name: String, in range: Range<Double>) throws -> Double {
    guard case .number(let text) = value, let number = Double(text), range.contains(number) else {
      throw mismatch(
        name, expected: "a number from \(range.lowerBound) up to \(range.upperBound)")
    }
    return number
  }

  func gradientPrecision(_ name: String) throws -> GradientPrecision {
    guard case .string(let text) = value, let precision = GradientPrecision(rawValue: text) else {
      throw mismatch(
        name, expected: GradientPrecision.allCases.map(\.rawValue).joined(separator: " or "))
    }
    return precision
  }

  func string(_ name: String) throws -> String {
    guard case .string(let text) = value, !text.isEmpty else {
      throw mismatch(name, expected: "a text")
    }
    return text
  }

  /// A list of texts; a single text is a list of one.
  func strings(_ name: String) throws -> [String] {
    switch value {
    case .string: return [try string(name)]
    case .list(let nodes): return try nodes.map { try $0.string("an element of \(name)") }
    default: throw mismatch(name, expected: "a text or a list of texts")
    }
  }

  func entries(_ name: String) throws -> [Entry] {
    guard case .mapping(let entries) = value else {
      throw mismatch(name, expected: "keys with values")
    }
    return entries
  }
}
