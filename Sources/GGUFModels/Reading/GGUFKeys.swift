import Diagnostics
package import GGUF
import JSONText

/// The keys of a file that begin alike, read as what they should be; errors name the key.
struct GGUFKeys: Sendable {
  let metadata: GGUFMetadata
  /// What the keys begin with: an architecture's name with a point behind it.
  let prefix: String

  subscript(key: String) -> GGUFValue? { metadata[prefix + key] }

  func contains(_ key: String) -> Bool { metadata.contains(prefix + key) }

  func place(_ key: String) -> String { "key \(quoted(prefix + key))" }

  func mismatch(_ key: String, _ expected: String) -> InputError {
    guard let value = self[key] else {
      return InputError(.missing, place: place(key), "is missing, expected \(expected)")
    }
    return InputError(
      .invalidValue, place: place(key), "found \(value.summary), expected \(expected)")
  }

  private func mismatch(_ key: String, _ range: ClosedRange<Int>) -> InputError {
    mismatch(key, "a number from \(range.lowerBound) to \(range.upperBound)")
  }

  /// A whole number, or a list of equal ones.
  func count(_ key: String, in range: ClosedRange<Int>) throws(InputError) -> Int? {
    guard let value = self[key] else { return nil }
    let numbers = value.wholeNumber.map { [$0] } ?? value.wholeNumbers ?? []
    guard let first = numbers.first, numbers.allSatisfy({ $0 == first }), range.contains(first)
    else { throw mismatch(key, range) }
    return first
  }

  func required(_ key: String, in range: ClosedRange<Int>) throws(InputError) -> Int {
    guard let count = try count(key, in: range) else { throw mismatch(key, range) }
    return count
  }

  /// A finite number.
  func number(_ key: String) throws(InputError) -> Float? {
    guard let value = self[key] else { return nil }
    guard let number = value.number, Float(number).isFinite else {
      throw mismatch(key, "a number that f32 can hold")
    }
    return Float(number)
  }

  func string(_ key: String) throws(InputError) -> String? {
    guard let value = self[key] else { return nil }
    guard case .string(let text) = value else { throw mismatch(key, "a string") }
    return text
  }

  func bool(_ key: String) throws(InputError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard case .bool(let flag) = value else { throw mismatch(key, "true or false") }
    return flag
  }

  func strings(_ key: String) throws(InputError) -> [String]? {
    guard let value = self[key] else { return nil }
    guard case .array(.strings(let texts)) = value else { throw mismatch(key, "a list of strings") }
    return texts
  }
}

extension GGUFValue {
  /// A whole number of any type.
  var wholeNumber: Int? {
    switch self {
    case .uint8(let number): Int(number)
    case .int8(let number): Int(number)
    case .uint16(let number): Int(number)
    case .int16(let number): Int(number)
    case .uint32(let number): Int(number)
    case .int32(let number): Int(number)
    case .uint64(let number): Int(exactly: number)
    case .int64(let number): Int(number)
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  /// A list of whole numbers of any type.
  var wholeNumbers: [Int]? {
    guard case .array(let array) = self else { return nil }
    switch array {
    case .uint8s(let numbers): return numbers.map(Int.init)
    case .int8s(let numbers): return numbers.map(Int.init)
    case .uint16s(let numbers): return numbers.map(Int.init)
    case .int16s(let numbers): return numbers.map(Int.init)
    case .uint32s(let numbers): return numbers.map(Int.init)
    case .int32s(let numbers): return numbers.map(Int.init)
    case .int64s(let numbers): return numbers.map(Int.init)
    case .uint64s(let numbers):
      let exact = numbers.compactMap { Int(exactly: $0) }
      return exact.count == numbers.count ? exact : nil
    case .float32s, .float64s, .bools, .strings: return nil
    }
  }

  /// A number of any type.
  var number: Double? {
    switch self {
    case .float32(let number): Double(number)
    case .float64(let number): number
    default: wholeNumber.map(Double.init)
    }
  }

  /// The same in a configuration: floats in the fewest digits that are read as them.
  var json: JSONValue? {
    switch self {
    case .bool(let flag): .bool(flag)
    case .string(let text): .string(text)
    case .float32(let number): number.isFinite ? .number(number.description) : nil
    case .float64(let number): number.isFinite ? JSONValue(number) : nil
    default: wholeNumber.map { JSONValue($0) }
    }
  }

  /// The value in a few words.
  package var summary: String {
    switch self {
    case .array(let array): "\(array.count) of type \(array.elementType)"
    case .string(let text): quoted(text)
    case .bool(let flag): "\(flag)"
    default: number.map { number in wholeNumber.map { "\($0)" } ?? "\(Float(number))" } ?? "?"
    }
  }

  /// Whether both say the same, whatever their types are: floats but for the rounding of what they were computed from.
  func agrees(with other: GGUFValue) -> Bool {
    if let a = wholeNumber, let b = other.wholeNumber { return a == b }
    if let a = number, let b = other.number { return abs(a - b) <= 1e-5 * max(abs(a), abs(b)) }
    if let a = wholeNumbers ?? wholeNumber.map({ [$0] }),
      let b = other.wholeNumbers ?? other.wholeNumber.map({ [$0] })
    {
      // One number stands for all blocks.
      return a == b || a.count == 1 && !b.isEmpty && b.allSatisfy { $0 == a[0] }
        || b.count == 1 && !a.isEmpty && a.allSatisfy { $0 == b[0] }
    }
    return self == other
  }
}
