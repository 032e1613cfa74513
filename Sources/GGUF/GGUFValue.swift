/// What kind of value stands behind a key; the raw values are those of files.
package enum GGUFValueType: UInt32, Sendable, CaseIterable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12
}

/// A value of a file's metadata.
///
/// Strings are UTF-8, as the format says: what is not is refused where it is read, because a token that is replaced by
/// another would change a model silently.
package enum GGUFValue: Equatable, Sendable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case float32(Float)
  case bool(Bool)
  case string(String)
  case array(GGUFArray)
  case uint64(UInt64)
  case int64(Int64)
  case float64(Double)

  package static func strings(_ elements: [String]) -> GGUFValue { .array(.strings(elements)) }

  package static func floats(_ elements: [Float]) -> GGUFValue { .array(.float32s(elements)) }

  package static func int32s(_ elements: [Int32]) -> GGUFValue { .array(.int32s(elements)) }

  package var type: GGUFValueType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .float32: .float32
    case .bool: .bool
    case .string: .string
    case .array: .array
    case .uint64: .uint64
    case .int64: .int64
    case .float64: .float64
    }
  }
}

/// An array of one kind of value, as Swift has it: those of a vocabulary have hundreds of thousands of elements.
///
/// The format allows arrays of arrays. There is no case for them, because no runtime reads one.
package enum GGUFArray: Equatable, Sendable {
  case uint8s([UInt8])
  case int8s([Int8])
  case uint16s([UInt16])
  case int16s([Int16])
  case uint32s([UInt32])
  case int32s([Int32])
  case float32s([Float])
  case bools([Bool])
  case strings([String])
  case uint64s([UInt64])
  case int64s([Int64])
  case float64s([Double])

  /// What its elements are; never an array.
  package var elementType: GGUFValueType {
    switch self {
    case .uint8s: .uint8
    case .int8s: .int8
    case .uint16s: .uint16
    case .int16s: .int16
    case .uint32s: .uint32
    case .int32s: .int32
    case .float32s: .float32
    case .bools: .bool
    case .strings: .string
    case .uint64s: .uint64
    case .int64s: .int64
    case .float64s: .float64
    }
  }

  package var count: Int {
    switch self {
    case .uint8s(let elements): elements.count
    case .int8s(let elements): elements.count
    case .uint16s(let elements): elements.count
    case .int16s(let elements): elements.count
    case .uint32s(let elements): elements.count
    case .int32s(let elements): elements.count
    case .float32s(let elements): elements.count
    case .bools(let elements): elements.count
    case .strings(let elements): elements.count
    case .uint64s(let elements): elements.count
    case .int64s(let elements): elements.count
    case .float64s(let elements): elements.count
    }
  }
}
