import Diagnostics
import Foundation
import GGUF
import TestSupport
import Testing

/// The bytes of a file, put together from numbers and strings, valid or not.
struct GGUFBytes {
  var bytes: [UInt8] = []

  /// Letters, version and counts.
  init(tensors: UInt64 = 0, keys: UInt64 = 0, version: UInt32 = 3, letters: String = "GGUF") {
    bytes = Array(letters.utf8)
    add(version)
    add(tensors)
    add(keys)
  }

  mutating func add<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }

  mutating func add(_ text: String, size: UInt64? = nil) {
    add(size ?? UInt64(text.utf8.count))
    bytes += text.utf8
  }

  /// A key with a value of 4 bytes.
  mutating func addKey(_ key: String, type: UInt32 = 4, value: UInt32 = 1) {
    add(key)
    add(type)
    add(value)
  }

  /// A tensor; extents from the innermost, as files have them.
  mutating func addTensor(
    _ name: String, _ extents: [UInt64], type: UInt32 = 0, offset: UInt64 = 0,
    dimensions: UInt32? = nil
  ) {
    add(name)
    add(dimensions ?? UInt32(extents.count))
    for extent in extents { add(extent) }
    add(type)
    add(offset)
  }

  /// Zeros up to the alignment, and so many bytes of data.
  mutating func addData(_ count: Int, alignment: Int = 32) {
    bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    bytes += (0..<count).map { UInt8(truncatingIfNeeded: $0) }
  }
}

/// Opens a file of these bytes.
func open(_ bytes: [UInt8], in folder: URL) throws -> GGUFFile {
  let file = folder.appending(path: "model.gguf")
  try Data(bytes).write(to: file)
  return try GGUFFile(opening: file)
}

/// Expects that opening a file fails, with its name in the error.
func expect(
  _ code: InputError.Code, _ words: String..., of file: GGUFBytes,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try withTemporaryFolder { folder in
    _ = expectInputError(
      code, mentioning: ["model.gguf"] + words, sourceLocation: sourceLocation
    ) { try open(file.bytes, in: folder) }
  }
}

/// A file with one tensor of 4 numbers, but for what is said otherwise.
func file(
  _ extents: [UInt64] = [4], type: UInt32 = 0, offset: UInt64 = 0, dimensions: UInt32? = nil,
  name: String = "a", dataByteCount: Int = 16
) -> GGUFBytes {
  var file = GGUFBytes(tensors: 1)
  file.addTensor(name, extents, type: type, offset: offset, dimensions: dimensions)
  file.addData(dataByteCount)
  return file
}
