import Diagnostics
import Foundation
import JSONText

/// Arithmetic and comparisons, by Python's rules.
extension TemplateRenderer {
  func compute(
    _ left: TemplateValue, _ symbol: String, _ right: TemplateValue
  ) throws -> TemplateValue {
    for operand in [left, right] {
      if case .undefined(let message) = operand { throw failure(message) }
    }
    if let left = left.integerValue, let right = right.integerValue {
      return try compute(left, symbol, right)
    }
    if let left = left.doubleValue, let right = right.doubleValue {
      return .float(try compute(left, symbol, right))
    }
    switch (left, symbol, right) {
    case (.string(let left), "+", .string(let right)): return try string(left + right)
    case (.string(let text), "%", _): return try formatted(text, by: right)
    case (.list(let left), "+", .list(let right)) where left.kind == right.kind:
      return try list(left.elements + right.elements, left.kind)
    case (.string(let text), "*", .integer(let count)),
      (.integer(let count), "*", .string(let text)):
      return .string(try repeated(text, count))
    case (.list(let list), "*", .integer(let count)), (.integer(let count), "*", .list(let list)):
      try spend(
        max(count, 0).multipliedClamped(by: list.elements.count).multipliedClamped(by: 8))
      return try self.list(
        (0..<(list.elements.isEmpty ? 0 : max(count, 0))).flatMap { _ in list.elements }, list.kind)
    default:
      throw failure(
        "\(left.typeName) \(symbol) \(right.typeName) has no meaning; expected operands that fit")
    }
  }

  /// A text again and again.
  func repeated(_ text: String, _ count: Int) throws -> String {
    guard count > 0, !text.isEmpty else { return "" }
    try spend(text.utf8.count.multipliedClamped(by: count))
    return String(repeating: text, count: count)
  }

  private func compute(_ left: Int, _ symbol: String, _ right: Int) throws -> TemplateValue {
    let (value, overflow): (Int, Bool)
    switch symbol {
    case "+": (value, overflow) = left.addingReportingOverflow(right)
    case "-": (value, overflow) = left.subtractingReportingOverflow(right)
    case "*": (value, overflow) = left.multipliedReportingOverflow(by: right)
    case "/":
      guard right != 0 else { throw failure("a division by 0") }
      return .float(Double(left) / Double(right))
    case "//", "%":
      guard right != 0 else { throw failure("a division by 0") }
      guard right != -1 else {
        return symbol == "%" ? .integer(0) : try negative(of: .integer(left))
      }
      let rest = left % right
      let isBelow = rest != 0 && (rest < 0) != (right < 0)
      if symbol == "%" { return .integer(isBelow ? rest + right : rest) }
      return .integer(left / right - (isBelow ? 1 : 0))
    case "**":
      guard right >= 0 else { return .float(pow(Double(left), Double(right))) }
      return .integer(try power(left, right))
    default: throw failure("\(symbol) is no operator of numbers")
    }
    guard !overflow else { throw tooLarge() }
    return .integer(value)
  }

  private func power(_ base: Int, _ exponent: Int) throws -> Int {
    if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
    if base == -1 { return exponent % 2 == 0 ? 1 : -1 }
    guard exponent < 64 else { throw tooLarge() }
    var value = 1
    for _ in 0..<exponent {
      let (product, overflow) = value.multipliedReportingOverflow(by: base)
      guard !overflow else { throw tooLarge() }
      value = product
    }
    return value
  }

  private func tooLarge() -> any Error {
    failure("a whole number beyond 64 bits cannot be computed", .unsupported)
  }

  private func compute(_ left: Double, _ symbol: String, _ right: Double) throws -> Double {
    if ["/", "//", "%"].contains(symbol), right == 0 { throw failure("a division by 0") }
    switch symbol {
    case "+": return left + right
    case "-": return left - right
    case "*": return left * right
    case "/": return left / right
    case "//": return (left / right).rounded(.down)
    case "%":
      let rest = left.truncatingRemainder(dividingBy: right)
      return rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest
    default: return pow(left, right)
    }
  }

  func negative(of value: TemplateValue) throws -> TemplateValue {
    if let integer = value.integerValue {
      guard integer != .min else { throw tooLarge() }
      return .integer(-integer)
    }
    switch value {
    case .float(let number): return .float(-number)
    case .undefined(let message): throw failure(message)
    default: throw failure("- before \(value.typeName); expected a number")
    }
  }

  func positive(of value: TemplateValue) throws -> TemplateValue {
    if let integer = value.integerValue { return .integer(integer) }
    switch value {
    case .float, .wideInteger: return value
    case .undefined(let message): throw failure(message)
    default: throw failure("+ before \(value.typeName); expected a number")
    }
  }

  // MARK: Comparisons

  func compare(
    _ left: TemplateValue, _ symbol: String, _ right: TemplateValue
  ) throws -> Bool {
    switch symbol {
    case "==": try isEqual(left, right)
    case "!=": try !isEqual(left, right)
    case "<": try isLess(left, right)
    case ">": try isLess(right, left)
    case "<=": try !isLess(right, left)
    case ">=": try !isLess(left, right)
    case "in": try contains(right, left)
    default: try !contains(right, left)
    }
  }

  func isEqual(_ left: TemplateValue, _ right: TemplateValue) throws -> Bool {
    try spend()
    if let left = left.integerValue, let right = right.integerValue { return left == right }
    if case .wideInteger(let left) = left, case .wideInteger(let right) = right {
      return left == right
    }
    if let left = left.doubleValue, let right = right.doubleValue { return left == right }
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let left), .string(let right)):
      try spend(min(left.utf8.count, right.utf8.count) / 8)
      return left.hasSameBytes(as: right)
    case (.list(let left), .list(let right)):
      guard left.kind == right.kind, left.elements.count == right.elements.count else {
        return false
      }
      for (a, b) in zip(left.elements, right.elements) {
        guard try isEqual(a, b) else { return false }
      }
      return true
    case (.mapping(let left), .mapping(let right)):
      guard left.count == right.count else { return false }
      for (name, value) in zip(left.keys, left.values) {
        guard let other = right[try key(name)], try isEqual(value, other) else { return false }
      }
      return true
    case (.namespace(let left), .namespace(let right)): return left === right
    case (.macro(let left), .macro(let right)): return left === right
    default: return false
    }
  }

  /// Whether one value comes before the other; an error for values that have no order.
  func isLess(_ left: TemplateValue, _ right: TemplateValue) throws -> Bool {
    try spend()
    if let left = left.integerValue, let right = right.integerValue { return left < right }
    if let left = left.doubleValue, let right = right.doubleValue { return left < right }
    switch (left, right) {
    case (.string(let left), .string(let right)):
      try spend(min(left.utf8.count, right.utf8.count) / 8)
      return left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.list(let left), .list(let right)) where left.kind == right.kind:
      for (a, b) in zip(left.elements, right.elements) {
        if try isLess(a, b) { return true }
        if try isLess(b, a) { return false }
      }
      return left.elements.count < right.elements.count
    case (.undefined(let message), _), (_, .undefined(let message)): throw failure(message)
    default:
      throw failure("\(left.typeName) and \(right.typeName) have no order")
    }
  }

  func contains(_ whole: TemplateValue, _ part: TemplateValue) throws -> Bool {
    switch whole {
    case .string(let text):
      guard case .string(let part) = part else {
        throw failure("in: found \(part.typeName) in a string, expected a string")
      }
      return try text.places(of: part, limit: 1, self).count == 1
    case .mapping(let mapping): return mapping[try key(part)] != nil
    case .undefined: return false
    default: return try elements(of: whole, "in").contains { try isEqual($0, part) }
    }
  }
}
