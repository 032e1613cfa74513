import Diagnostics

/// Reads a file's first bytes one after another, none beyond the file's end.
struct GGUFReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Bytes that are left.
  var remaining: Int { bytes.count - offset }

  /// - Parameter what: What is read, for the error.
  mutating func number<Number: FixedWidthInteger>(
    _ what: String, as type: Number.Type = Number.self
  ) throws(InputError) -> Number {
    let size = MemoryLayout<Number>.size
    try require(size, what)
    defer { offset += size }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
  }

  /// A count of things that take at least so many bytes each, so that no more are announced than there can be.
  mutating func count(_ byteCount: Int, _ what: String) throws(InputError) -> Int {
    let declared = try number(what, as: UInt64.self)
    guard declared <= UInt64(remaining / byteCount) else {
      throw InputError(
        .malformed, place: "byte \(offset - 8)",
        "\(what) is \(declared), but only \(remaining) bytes follow")
    }
    return Int(declared)
  }

  mutating func string(_ what: String) throws(InputError) -> String {
    let count = try count(1, "the size of \(what)")
    defer { offset += count }
    let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    guard let string = String(validating: part, as: UTF8.self) else {
      throw InputError(
        .malformed, place: "byte \(offset)",
        "\(what) is not UTF-8: \(quoted(String(decoding: part.prefix(64), as: UTF8.self)))")
    }
    return string
  }

  mutating func bool(_ what: String) throws(InputError) -> Bool {
    let value = try number(what, as: UInt8.self)
    guard value <= 1 else {
      throw InputError(
        .malformed, place: "byte \(offset - 1)", "\(what) is \(value), expected 0 or 1")
    }
    return value == 1
  }

  /// Numbers in a row; their size was checked with ``count(_:_:)``.
  mutating func numbers<Number: FixedWidthInteger>(
    _ count: Int, _ type: Number.Type = Number.self
  ) -> [Number] {
    let size = MemoryLayout<Number>.size
    defer { offset += count * size }
    return [Number](unsafeUninitializedCapacity: count) { buffer, initialized in
      for index in 0..<count {
        let number = bytes.loadUnaligned(
          fromByteOffset: offset + index * size, as: Number.self)
        buffer.initializeElement(at: index, to: Number(littleEndian: number))
      }
      initialized = count
    }
  }

  private func require(_ count: Int, _ what: String) throws(InputError) {
    guard remaining >= count else {
      throw InputError(
        .malformed, place: "byte \(offset)",
        "the file ends within \(what); it may have been cut off")
    }
  }
}
