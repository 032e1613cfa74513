import Diagnostics
import Foundation
import GGUF
import Tensors
import TestSupport
import Testing

/// Damage to what a file says of its tensors.
@Suite struct MalformedGGUFTensorTests {
  @Test func names() throws {
    try expect(.invalidValue, "64 bytes", of: file(name: String(repeating: "n", count: 64)))
    try expect(.invalidValue, "0 bytes", of: file(name: ""))
    try withTemporaryFolder { folder in
      let name = String(repeating: "n", count: 63)
      let opened = try open(file(name: name).bytes, in: folder)
      #expect(opened.info(name)?.shape == [4])
    }
    var twice = GGUFBytes(tensors: 2)
    twice.addTensor("a", [8])
    twice.addTensor("a", [8], offset: 32)
    twice.addData(64)
    try expect(.malformed, "tensor 'a'", "twice", of: twice)
  }

  @Test func dimensions() throws {
    for count: UInt32 in [0, 5, 0x8000_0000, .max] {
      try expect(.malformed, "tensor 'a'", "\(count) dimensions", of: file(dimensions: count))
    }
    try expect(.malformed, "tensor 'a'", "extent is 0", of: file([0]))
    try expect(.malformed, "tensor 'a'", "extent is 0", of: file([4, 0, 4]))
    try expect(.malformed, "tensor 'a'", "\(UInt64.max)", of: file([.max]))
    try expect(.malformed, "tensor 'a'", "\(UInt64(1) << 63)", of: file([1 << 63]))
  }

  @Test(
    arguments: [
      [1 << 62, 4], [1 << 61], [1 << 31, 1 << 31, 4], [4, 1 << 30, 1 << 30, 1 << 30],
      [4_194_305, 4_194_305, 211_106_198_978_564], [4, (1 << 63) - 1],
    ] as [[UInt64]])
  func sizesThatOverflow(extents: [UInt64]) throws {
    try expect(.invalidValue, "tensor 'a'", "too many elements", of: file(extents))
    // Less than a byte for each element: the bytes alone would not overflow.
    try expect(
      .invalidValue, "tensor 'a'",
      of: file([max(32, extents[0] / 32 * 32)] + extents.dropFirst(), type: 2))
  }

  @Test func elementsThatOverflowWhereBytesDoNot() throws {
    // 2^58 blocks of 18 bytes are less than 2^63 bytes, and 2^63 elements.
    try expect(.invalidValue, "too many elements", of: file([1 << 62, 2], type: 2))
  }

  @Test func sizesThatOverflowTogether() throws {
    for second: UInt64 in [0, 1 << 62, .max - 31] {
      var file = GGUFBytes(tensors: 3)
      file.addTensor("a", [1 << 60])
      file.addTensor("b", [1 << 60], offset: 1 << 62)
      file.addTensor("c", [1 << 60], offset: second)
      file.addData(64)
      try expect(.malformed, "tensor 'b'", "2^63", of: file)
    }
  }

  @Test func types() throws {
    for (type, name) in [(UInt32(16), "iq2_xxs"), (15, "q8_k"), (39, "mxfp4")] {
      try expect(.unsupported, "tensor 'a'", name, of: file(type: type))
    }
    for type: UInt32 in [4, 5, 31, 1000, .max] {
      try expect(.unsupported, "tensor 'a'", "\(type) (unknown)", of: file(type: type))
    }
  }

  @Test(arguments: GGUFTensorType.allCases.filter { !$0.isPlain })
  func rowsThatAreNotWholeBlocks(type: GGUFTensorType) throws {
    for columns in [1, type.blockSize - 1, type.blockSize + 16] {
      try expect(
        .invalidValue, "tensor 'a'", type.name, "multiple of \(type.blockSize)",
        of: file([UInt64(columns), 32], type: type.rawValue))
    }
  }

  @Test func offsets() throws {
    for offset: UInt64 in [1, 4, 31, .max] {
      try expect(.malformed, "tensor 'a'", "multiple", of: file(offset: offset))
    }
    // One that leaves a hole, and one that wraps around.
    for offset: UInt64 in [32, 1 << 40, .max - 31] {
      try expect(.malformed, "tensor 'a'", "expected 0", of: file(offset: offset))
    }
    for (offset, name) in [(UInt64(0), "overlaps"), (64, "leaves a hole")] {
      var file = GGUFBytes(tensors: 2)
      file.addTensor("a", [8])
      file.addTensor(name, [8], offset: offset)
      file.addData(96)
      try expect(.malformed, "tensor '\(name)'", "expected 32", of: file)
    }
  }

  @Test func dataOfAnotherSize() throws {
    for count in [0, 1, 15] {
      try expect(.malformed, "tensor 'a'", "cut off", of: file(dataByteCount: count))
    }
    try expect(.malformed, "belong to no tensor", of: file(dataByteCount: 33))
    try expect(.malformed, "cut off", of: file([1 << 40], dataByteCount: 64))
    var none = GGUFBytes()
    none.addData(64)
    try expect(.malformed, "no tensors", of: none)
  }

  /// Any one byte of a header changed: an error, or a file whose tensors are within their bytes.
  @Test func everyByteChanged() throws {
    var whole = GGUFBytes(tensors: 2, keys: 1)
    whole.add("list")
    whole.add(UInt32(9))
    whole.add(UInt32(5))
    whole.add(UInt64(2))
    whole.add(Int32(-1))
    whole.add(Int32(7))
    whole.addTensor("a", [256], type: 12)
    whole.addTensor("b", [4, 2], offset: 160)
    whole.addData(160 + 32)
    let bytes = whole.bytes
    var (accepted, refused) = (0, 0)
    try withTemporaryFolder { folder in
      for index in 0..<bytes.count - 192 {
        for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] where bytes[index] != value {
          var damaged = bytes
          damaged[index] = value
          do {
            let file = try open(damaged, in: folder)
            for info in file.tensors {
              let numbers = try file.numbers(info.name)
              #expect(numbers.shape == info.shape)
            }
            accepted += 1
          } catch is InputError {
            refused += 1
          }
        }
      }
    }
    #expect(accepted > 50)
    #expect(refused > 400, "\(refused)")
  }
}
