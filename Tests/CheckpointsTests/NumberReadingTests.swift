import Checkpoints
import Diagnostics
import Foundation
import Tensors
import TestSupport
import Testing

/// The one reading of all numbers before a model is tuned.
@Suite(.oneAtATime) struct NumberReadingTests {
  private static let types: [(DType, [UInt64])] = [
    // Infinity, NaN with the least and with all bits of the fraction, and the same negative.
    (.float64, [0x7FF0 << 48, 0x7FF0 << 48 | 1, .max]),
    (.float32, [0x7F80_0000, 0x7F80_0001, 0xFF80_0000, 0xFFFF_FFFF]),
    (.bfloat16, [0x7F80, 0x7F81, 0xFF80, 0xFFFF]), (.float16, [0x7C00, 0x7C01, 0xFC00, 0xFFFF]),
  ]

  /// The bytes of numbers that are all the largest of their type, but for some.
  private func bytes(_ dtype: DType, _ count: Int, except words: [Int: UInt64]) -> [UInt8] {
    let largest: UInt64 =
      switch dtype {
      case .float64: 0x7FEF_FFFF_FFFF_FFFF
      case .float32: 0x7F7F_FFFF
      case .bfloat16: 0x7F7F
      default: 0x7BFF
      }
    return (0..<count).flatMap { index in
      withUnsafeBytes(of: (words[index] ?? largest).littleEndian) {
        Array($0.prefix(dtype.byteCount))
      }
    }
  }

  private func write(_ tensors: [String: Tensor], to folder: URL) throws -> Checkpoint {
    try? FileManager.default.removeItem(at: folder)
    let writer = try CheckpointWriter(
      output: folder,
      tensors: tensors.sorted { $0.key < $1.key }.map {
        TensorInfo(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
      }, sources: [], overwrite: false)
    for (name, tensor) in tensors { try writer.write(tensor, named: name) }
    try writer.write("{}", toFile: "config.json")
    try writer.finish()
    return try Checkpoint(opening: folder)
  }

  @Test func findsWhatIsNoNumberInEveryType() throws {
    try withTemporaryFolder { folder in
      for (dtype, words) in Self.types {
        // More than one block that is looked at at a time, and an end that fills none.
        let shape = [7, 10_001]
        for (number, word) in words.enumerated() {
          let row = number * 2
          let bad = [row * 10_001 + 10_000: word]
          let tensor = Tensor(bytes: bytes(dtype, 70_007, except: bad), shape: shape, dtype: dtype)
          let checkpoint = try write(["a": tensor], to: folder.appending(path: "m"))
          expectInputError(
            .notFinite,
            mentioning: [
              "m/model.safetensors", "tensor 'a'", "element [\(row), 10000] is infinite",
            ]
          ) {
            forEachInstructionSet { _ in
              #expect(throws: InputError.self) { try checkpoint.requireFinite { _ in } }
            }
            try checkpoint.requireFinite { _ in }
          }
        }
        let sound = Tensor(bytes: bytes(dtype, 70_007, except: [:]), shape: shape, dtype: dtype)
        let checkpoint = try write(["a": sound], to: folder.appending(path: "m"))
        try forEachInstructionSet { _ in try checkpoint.requireFinite { _ in } }
      }
    }
  }

  @Test func namesTheFirst() throws {
    try withTemporaryFolder { folder in
      // In parts that several threads read; the other tensors are before it and after it.
      let count = 20_000_000
      var bytes = [UInt8](repeating: 0, count: 2 * count)
      for index in [17_000_000, 19_999_999] {
        (bytes[2 * index], bytes[2 * index + 1]) = (0xC0, 0x7F)
      }
      let bad = Tensor(bytes: bytes, shape: [count], dtype: .bfloat16)
      let late = Tensor([.nan], shape: [1]).converted(to: .bfloat16)
      let checkpoint = try write(
        [
          "a": Tensor([1], shape: [1]), "b": bad, "c": late,
          "d": Tensor(bytes: [255, 255], shape: [1], dtype: .int16),
          "e": Tensor([], shape: [0, 3]),
        ], to: folder.appending(path: "m"))
      for digesting in [false, true] {
        expectInputError(.notFinite, mentioning: ["tensor 'b'", "element [17000000]"]) {
          if digesting { _ = try checkpoint.fingerprint() }
          try checkpoint.requireFinite { _ in }
        }
      }
    }
  }

  @Test func tellsHowMuchIsReadAndCanBeEnded() throws {
    struct Stop: Error {}
    try withTemporaryFolder { folder in
      let tensor = Tensor(
        bytes: [UInt8](repeating: 1, count: 40 << 20), shape: [20 << 20], dtype: .float16)
      let checkpoint = try write(["a": tensor], to: folder.appending(path: "m"))
      var shares: [Double] = []
      try checkpoint.requireFinite { shares.append($0) }
      #expect(shares == shares.sorted() && shares.everySatisfies { (0...1).contains($0) })
      #expect(shares.count > 1 && shares.last == 1)
      var calls = 0
      #expect(throws: Stop.self) {
        try checkpoint.requireFinite { _ in
          calls += 1
          throw Stop()
        }
      }
      #expect(calls == 1)
    }
  }

  /// What is merely copied does not decide the numbers, so that it may be corrected and the run continued.
  @Test func theFingerprintIsThatOfTheNumbers() throws {
    try withTemporaryFolder { folder in
      func parts() throws -> [String: String] {
        Dictionary(
          uniqueKeysWithValues: try Checkpoint(opening: folder.appending(path: "m")).fingerprint()
            .map { ($0.part, $0.digest) })
      }
      _ = try write(
        ["a": Tensor([1, 2], shape: [2]), "b": Tensor([], shape: [0])],
        to: folder.appending(path: "m"))
      let before = try parts()
      #expect(before.count == 4)
      // Four bytes each of 1.0 and 2.0; and of nothing.
      #expect(
        before["tensor 'a' in model.safetensors"]
          == "b9c80b5adeca450753a16950c3cc655d271f7bef7a485bc83f112b72fef21d37")
      #expect(
        before["tensor 'b' in model.safetensors"]
          == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
      try Data("{}".utf8).write(to: folder.appending(path: "m/generation_config.json"))
      #expect(try parts() == before)
      _ = try write(
        ["a": Tensor([1, 3], shape: [2]), "b": Tensor([], shape: [0])],
        to: folder.appending(path: "m"))
      let after = try parts()
      #expect(
        before.filter { after[$0.key] != $0.value }.map(\.key) == [
          "tensor 'a' in model.safetensors"
        ])
    }
  }
}
