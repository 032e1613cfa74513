import Diagnostics
import Foundation
import GGUF
import TestSupport
import Testing

/// One test for each kind of damage: an error names the file, and the key, tensor or byte.
@Suite struct MalformedGGUFTests {
  @Test func aSoundFileIsRead() throws {
    try withTemporaryFolder { folder in
      let opened = try open(file().bytes, in: folder)
      #expect(opened.tensors == [GGUFTensorInfo(name: "a", type: .f32, shape: [4])])
      // With the zeros after the last tensor too.
      _ = try open(file(dataByteCount: 32).bytes, in: folder)
      // Version 2 is the same.
      var older = GGUFBytes(tensors: 1, version: 2)
      older.addTensor("a", [4])
      older.addData(16)
      #expect(try open(older.bytes, in: folder).tensors == opened.tensors)
    }
  }

  @Test(arguments: 0..<24) func cutOffInTheFixedPart(count: Int) throws {
    var file = GGUFBytes()
    file.bytes.removeLast(24 - count)
    try expect(.malformed, of: file)
  }

  /// Every shorter file is refused, wherever it ends.
  @Test func cutOffAnywhere() throws {
    var whole = GGUFBytes(tensors: 2, keys: 3)
    whole.addKey("general.alignment", value: 32)
    whole.add("words")
    whole.add(UInt32(9))
    whole.add(UInt32(8))
    whole.add(UInt64(2))
    whole.add("first")
    whole.add("second")
    whole.add("flags")
    whole.add(UInt32(9))
    whole.add(UInt32(7))
    whole.add(UInt64(3))
    whole.bytes += [0, 1, 0]
    whole.addTensor("a", [4])
    whole.addTensor("b", [32, 2], type: 2, offset: 32)
    whole.addData(32 + 36)
    try withTemporaryFolder { folder in
      let metadata = try open(whole.bytes, in: folder).metadata
      #expect(metadata["words"] == .strings(["first", "second"]))
      #expect(metadata["flags"] == .array(.bools([false, true, false])))
      for count in 0..<whole.bytes.count {
        _ = expectInputError(.malformed, mentioning: ["model.gguf"]) {
          try open(Array(whole.bytes.prefix(count)), in: folder)
        }
      }
    }
  }

  @Test func otherFiles() throws {
    try expect(.malformed, "letters GGUF", of: GGUFBytes(letters: "GGML"))
    var pointer = GGUFBytes()
    pointer.bytes = Array("version https://git-lfs.github.com/spec/v1\n".utf8)
    try expect(.malformed, "git lfs pull", of: pointer)
    for version: UInt32 in [0, 1, 4, .max] {
      try expect(.unsupported, "version \(version)", of: GGUFBytes(version: version))
    }
    try expect(.unsupported, "big-endian", "version 3", of: GGUFBytes(version: 3 << 24))
  }

  @Test(arguments: [UInt64(1), 1 << 32, 1 << 62, 1 << 63, .max])
  func countsThatTheFileHasNoRoomFor(count: UInt64) throws {
    try expect(.malformed, "tensors", "\(count)", of: GGUFBytes(tensors: count))
    try expect(.malformed, "keys", "\(count)", of: GGUFBytes(keys: count))
    // Of a key's size, a string's, and the elements of arrays of each type.
    var key = GGUFBytes(keys: 1)
    key.add("a234567890123456", size: max(count, 1000))
    try expect(.malformed, "name of key 0", of: key)
    for type: UInt32 in [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12] where count > 1 {
      var array = GGUFBytes(keys: 1)
      array.add("some")
      array.add(UInt32(9))
      array.add(type)
      array.add(count)
      try expect(.malformed, "key 'some'", "\(count)", of: array)
    }
    var name = GGUFBytes(tensors: 1)
    name.add("a23456789012345678901234567890", size: max(count, 1000))
    try expect(.malformed, "name of tensor 0", of: name)
  }

  @Test func keysAndValues() throws {
    var twice = GGUFBytes(keys: 2)
    twice.addKey("a")
    twice.addKey("a")
    try expect(.malformed, "key 'a'", "twice", of: twice)

    var empty = GGUFBytes(keys: 1)
    empty.addKey("")
    try expect(.invalidValue, "a key is empty", of: empty)

    var long = GGUFBytes(keys: 1)
    long.addKey(String(repeating: "k", count: 65536))
    try expect(.invalidValue, "65536", of: long)

    for type: UInt32 in [13, 255, .max] {
      var unknown = GGUFBytes(keys: 1)
      unknown.addKey("a", type: type)
      try expect(.malformed, "key 'a'", "\(type)", of: unknown)
    }

    var flag = GGUFBytes(keys: 1)
    flag.addKey("flag", type: 7, value: 2)
    try expect(.malformed, "key 'flag'", "expected 0 or 1", of: flag)

    for (type, isArray) in [(UInt32(8), false), (8, true)] {
      var text = GGUFBytes(keys: 1)
      text.add("text")
      if isArray { text.add(UInt32(9)) }
      text.add(type)
      if isArray { text.add(UInt64(1)) }
      text.add(UInt64(2))
      text.bytes += [0x61, 0xFF]
      try expect(.malformed, "key 'text'", "UTF-8", of: text)
    }

    var flags = GGUFBytes(keys: 1)
    flags.add("flags")
    flags.add(UInt32(9))
    flags.add(UInt32(7))
    flags.add(UInt64(2))
    flags.bytes += [1, 3]
    try expect(.malformed, "key 'flags'", "expected 0 or 1", of: flags)
  }

  /// As deep as a file can nest them: the first step down is refused.
  @Test func arraysOfArrays() throws {
    var nested = GGUFBytes(keys: 1)
    nested.add("deep")
    nested.add(UInt32(9))
    for _ in 0..<100_000 {
      nested.add(UInt32(9))
      nested.add(UInt64(1))
    }
    try expect(.unsupported, "key 'deep'", "arrays", of: nested)
  }

  @Test(arguments: [0, 1, 4, 7, 24, 33, 1 << 21, .max] as [UInt32])
  func alignments(alignment: UInt32) throws {
    var file = GGUFBytes(tensors: 1, keys: 1)
    file.addKey("general.alignment", value: alignment)
    file.addTensor("a", [4])
    file.addData(16)
    try expect(.invalidValue, "general.alignment", "\(alignment)", "power of two", of: file)
  }

  @Test func alignmentsOfAnotherType() throws {
    for type: UInt32 in [5, 6] {
      var file = GGUFBytes(tensors: 1, keys: 1)
      file.addKey("general.alignment", type: type, value: 32)
      file.addTensor("a", [4])
      file.addData(16)
      try expect(.invalidValue, "general.alignment", "uint32", of: file)
    }
  }

  @Test func otherAlignmentsAreHeeded() throws {
    for alignment in [8, 64, 4096] {
      var file = GGUFBytes(tensors: 2, keys: 1)
      file.addKey("general.alignment", value: UInt32(alignment))
      file.addTensor("a", [1])
      file.addTensor("b", [2], offset: UInt64(alignment))
      file.addData(alignment + 8, alignment: alignment)
      try withTemporaryFolder { folder in
        let opened = try open(file.bytes, in: folder)
        #expect(try opened.stored("b").bytes.first == UInt8(truncatingIfNeeded: alignment))
      }
    }
  }
}
