extension GGUFHeader {
  /// The file's first bytes, up to the data.
  package var encoded: [UInt8] {
    var writer = GGUFBytes()
    writer.bytes += Self.magic
    writer.append(Self.version)
    writer.append(UInt64(entries.count))
    writer.append(UInt64(metadata.count))
    for entry in metadata.entries {
      writer.append(entry.key)
      writer.append(entry.value.type.rawValue)
      writer.append(entry.value)
    }
    for entry in entries {
      writer.append(entry.info.name)
      writer.append(UInt32(entry.info.shape.count))
      for extent in entry.info.shape.reversed() { writer.append(UInt64(extent)) }
      writer.append(entry.info.type.rawValue)
      writer.append(UInt64(entry.offsets.lowerBound))
    }
    let count = writer.bytes.count
    let padding = (alignment - count % alignment) % alignment
    return writer.bytes + [UInt8](repeating: 0, count: padding)
  }
}

/// Bytes of a file that grow.
private struct GGUFBytes {
  var bytes: [UInt8] = []

  mutating func append<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ string: String) {
    append(UInt64(string.utf8.count))
    bytes.append(contentsOf: string.utf8)
  }

  mutating func append(_ value: GGUFValue) {
    switch value {
    case .uint8(let number): append(number)
    case .int8(let number): append(number)
    case .uint16(let number): append(number)
    case .int16(let number): append(number)
    case .uint32(let number): append(number)
    case .int32(let number): append(number)
    case .float32(let number): append(number.bitPattern)
    case .bool(let flag): append(UInt8(flag ? 1 : 0))
    case .string(let string): append(string)
    case .array(let array): append(array)
    case .uint64(let number): append(number)
    case .int64(let number): append(number)
    case .float64(let number): append(number.bitPattern)
    }
  }

  mutating func append(_ array: GGUFArray) {
    append(array.elementType.rawValue)
    append(UInt64(array.count))
    switch array {
    case .uint8s(let numbers): bytes += numbers
    case .int8s(let numbers): for number in numbers { append(number) }
    case .uint16s(let numbers): for number in numbers { append(number) }
    case .int16s(let numbers): for number in numbers { append(number) }
    case .uint32s(let numbers): for number in numbers { append(number) }
    case .int32s(let numbers): for number in numbers { append(number) }
    case .float32s(let numbers): for number in numbers { append(number.bitPattern) }
    case .bools(let flags): bytes += flags.map { $0 ? 1 : 0 }
    case .strings(let strings): for string in strings { append(string) }
    case .uint64s(let numbers): for number in numbers { append(number) }
    case .int64s(let numbers): for number in numbers { append(number) }
    case .float64s(let numbers): for number in numbers { append(number.bitPattern) }
    }
  }
}
