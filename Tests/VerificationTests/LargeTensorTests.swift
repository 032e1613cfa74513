import Checksums
import Foundation
import TestSupport
import Testing
import Verification

/// Tensors that are read in several pieces, on several threads.
@Suite struct LargeTensorTests {
  private static let (rows, columns) = (1200, 4096)
  private static let weights =
    #"{"num_bits": 8, "type": "float", "symmetric": true, "strategy": "channel"}"#

  /// e4m3 numbers with a scale of 1 for each row, and a table in bf16.
  private static func tensors() -> [TinyTensor] {
    let count = rows * columns
    return [
      TinyTensor("a.weight", "F8_E4M3", [rows, columns], (0..<count).map { UInt8($0 % 0x7F) }),
      TinyTensor(
        "a.weight_scale", "F32", [rows, 1], words: Array(repeating: 0x3F80_0000, count: rows)),
      TinyTensor(
        "embed.weight", "BF16", [rows, columns], Array(repeating: 0x3D, count: 2 * count)),
    ]
  }

  /// The numbers of ``tensors()`` in f32, as the source has them.
  private static func source() -> [TinyTensor] {
    let numbers = (0..<0x7F).map { pattern -> UInt32 in
      let (exponent, mantissa) = (pattern >> 3, Float(pattern & 7))
      let number =
        exponent == 0 ? mantissa * 0x1p-9 : (8 + mantissa) * exp2(Float(exponent - 10))
      return number.bitPattern
    }
    return [
      TinyTensor(
        "a.weight", "F32", [rows, columns], words: (0..<rows * columns).map { numbers[$0 % 0x7F] })
    ] + tensors().filter { $0.name.hasPrefix("embed") }
  }

  private func report(
    changing name: String = "", at byte: Int = 0, to bytes: [UInt8] = []
  ) throws -> VerificationReport {
    try withTemporaryFolder { folder in
      let (checkpoint, original) = (folder.appending(path: "a"), folder.appending(path: "b"))
      let tensors = Self.tensors().map { tensor in
        var tensor = tensor
        if tensor.name == name {
          tensor.bytes.replaceSubrange(byte..<byte + bytes.count, with: bytes)
        }
        return tensor
      }
      try TinyCheckpoint.write(
        tensors, format: "float-quantized", weights: Self.weights, to: checkpoint)
      try TinyCheckpoint.write(
        Self.source(), format: "float-quantized", weights: Self.weights, to: original)
      let report = Verifier(checkpoint, source: original).run()
      for tensor in tensors {
        #expect(report.tensorDigests[tensor.name] == SHA256.hexadecimal(of: tensor.bytes))
      }
      let file = try Data(contentsOf: checkpoint.appending(path: "model.safetensors"))
      #expect(
        report.files.first { $0.name == "model.safetensors" }?.digest
          == SHA256.hexadecimal(of: Array(file)))
      return report
    }
  }

  @Test func aSoundOneIsSound() throws { #expect(try report().findings == []) }

  /// Damage at an element of each piece is named with the element's place in the whole tensor.
  @Test(arguments: [3, 700 * 4096 + 5, 1199 * 4096 + 4095])
  func damageIsNamedByItsPlace(_ element: Int) throws {
    let infinite = try report(changing: "embed.weight", at: 2 * element, to: [0x80, 0x7F]).findings
    #expect(infinite.map(\.place) == ["embed.weight", "embed.weight"])
    #expect(infinite.first?.message == "element \(element) is infinite or not a number")
    #expect(infinite.last?.message == "differs from the source, of which it is a copy")

    let bad = try report(changing: "a.weight", at: element, to: [0xFF]).findings
    #expect(
      bad.contains {
        $0.message == "element [\(element / 4096), \(element % 4096)] is not a number of 8 bits"
      }, "\(bad)")
  }

  /// A group that is far from its source is named, in whichever part of the rows it is.
  @Test(arguments: [0, 611, 1199]) func aRowFromElsewhereIsNamed(_ row: Int) throws {
    let found = try report(
      changing: "a.weight", at: row * Self.columns,
      to: (0..<Self.columns).map { UInt8(0x7E - ($0 + row * Self.columns) % 0x7F) }
    ).findings
    #expect(found.count == 1 && found[0].place == "a.weight")
    #expect(
      found.first?.message.hasPrefix("row \(row), group 0: relative error") == true, "\(found)")
  }
}
