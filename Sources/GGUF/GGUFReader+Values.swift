import Diagnostics

extension GGUFReader {
  /// A value of a type, the type's number before it.
  mutating func value() throws(InputError) -> GGUFValue {
    switch try type("the type of the value") {
    case .uint8: return .uint8(try number("the value"))
    case .int8: return .int8(try number("the value"))
    case .uint16: return .uint16(try number("the value"))
    case .int16: return .int16(try number("the value"))
    case .uint32: return .uint32(try number("the value"))
    case .int32: return .int32(try number("the value"))
    case .float32: return .float32(Float(bitPattern: try number("the value")))
    case .bool: return .bool(try bool("the value"))
    case .string: return .string(try string("the value"))
    case .array: return .array(try array())
    case .uint64: return .uint64(try number("the value"))
    case .int64: return .int64(try number("the value"))
    case .float64: return .float64(Double(bitPattern: try number("the value")))
    }
  }

  private mutating func type(_ what: String) throws(InputError) -> GGUFValueType {
    let raw = try number(what, as: UInt32.self)
    guard let type = GGUFValueType(rawValue: raw) else {
      throw InputError(
        .malformed, place: "byte \(offset - 4)", "\(what) is \(raw), expected 0 to 12")
    }
    return type
  }

  private mutating func array() throws(InputError) -> GGUFArray {
    let what = "the number of elements"
    switch try type("the type of elements") {
    case .uint8: return .uint8s(numbers(try count(1, what)))
    case .int8: return .int8s(numbers(try count(1, what)))
    case .uint16: return .uint16s(numbers(try count(2, what)))
    case .int16: return .int16s(numbers(try count(2, what)))
    case .uint32: return .uint32s(numbers(try count(4, what)))
    case .int32: return .int32s(numbers(try count(4, what)))
    case .float32:
      return .float32s(numbers(try count(4, what), UInt32.self).map { Float(bitPattern: $0) })
    case .bool:
      let flags = numbers(try count(1, what), UInt8.self)
      guard let bad = flags.first(where: { $0 > 1 }) else { return .bools(flags.map { $0 == 1 }) }
      throw InputError(
        .malformed, place: "byte \(offset)", "an element before is \(bad), expected 0 or 1")
    case .string:
      let count = try count(8, what)
      var strings: [String] = []
      strings.reserveCapacity(count)
      for _ in 0..<count { strings.append(try string("an element")) }
      return .strings(strings)
    case .array:
      throw InputError(
        .unsupported, place: "byte \(offset - 4)",
        "the elements are arrays themselves, which no runtime reads")
    case .uint64: return .uint64s(numbers(try count(8, what)))
    case .int64: return .int64s(numbers(try count(8, what)))
    case .float64:
      return .float64s(numbers(try count(8, what), UInt64.self).map { Double(bitPattern: $0) })
    }
  }
}
